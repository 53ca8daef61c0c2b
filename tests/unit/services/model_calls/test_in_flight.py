"""The calls in flight: sent, collected, and what their ends say about their endpoints."""

import time
from collections.abc import Callable

import pytest

from app.counters import CALLS, COST, TOKENS
from app.errors import ItemError, Outage, ProviderError, RunError, Throttled
from app.llm.parallel.calls import Calls
from app.pipeline.types import Completion, Request
from app.services.context import ServiceContext
from app.services.model_calls.in_flight import Ended, InFlight
from app.store.counting import totals
from app.store.database import Database
from tests.unit.services.model_calls.asking import MODEL, ACall, context_of, echo


def raising(trouble: ProviderError) -> Callable[[Request], Completion]:
    def answer(_: Request) -> Completion:
        raise trouble

    return answer


def all_ended(in_flight: InFlight[ACall]) -> list[Ended[ACall]]:
    ended: list[Ended[ACall]] = []
    until = time.monotonic() + 10
    while in_flight:
        assert time.monotonic() < until
        ended += in_flight.collect(0.1)
    return ended


def open_calls(context: ServiceContext) -> Calls:
    return Calls(context.endpoints, MODEL, context.concurrency)


def share(context: ServiceContext, in_flight: InFlight[ACall]) -> None:
    context.database.retrying(in_flight.share)
    in_flight.shared()


def test_what_is_sent_is_in_flight_until_it_is_collected(database: Database) -> None:
    context = context_of(database, echo)
    with open_calls(context) as calls:
        in_flight = InFlight[ACall](context, calls, MODEL)
        assert (len(in_flight), in_flight.free, in_flight.has_news) == (0, 4, False)
        in_flight.send([ACall(7), ACall(9)])
        assert set(in_flight) == {7, 9}
        assert in_flight.free == 2
        ended = all_ended(in_flight)
        assert [one.call.key for one in ended] == [7, 9]
        assert {one.answer.text for one in ended if isinstance(one.answer, Completion)} == {"?"}
        assert not any(one.is_to_blame for one in ended)
        assert (in_flight.free, in_flight.has_news) == (4, True)
        share(context, in_flight)
        assert not in_flight.has_news


def test_all_calls_that_have_ended_are_collected_at_once(database: Database) -> None:
    context = context_of(database, echo)
    with open_calls(context) as calls:
        in_flight = InFlight[ACall](context, calls, MODEL)
        in_flight.send(ACall(n) for n in range(4))
        until = time.monotonic() + 10
        while any(lane.in_flight for lane in calls.lanes.values()):
            assert time.monotonic() < until
            time.sleep(0.01)
        # It would have waited for one alone.
        assert len(in_flight.collect(0.1)) == 4


def test_calls_are_counted_by_outcome(database: Database) -> None:
    slow = iter([Throttled("slow", retry_after_s=0.01), Throttled("slow", retry_after_s=0.01)])

    def throttles(asked: Request) -> Completion:
        if (trouble := next(slow, None)) is not None:
            raise trouble
        return echo(asked)

    answers = (
        throttles,
        raising(ItemError("no")),
        raising(Outage("away")),
        raising(RunError("no key")),
    )
    context = context_of(database, *answers)
    for counts_answers in (False, True):
        with open_calls(context) as calls:
            in_flight = InFlight[ACall](context, calls, MODEL, counts_answers=counts_answers)
            in_flight.send([ACall(n, endpoint=f"e{n}") for n in range(4)])
            all_ended(in_flight)
            # A commit whose answer was lost is repeated; what was confirmed is not.
            for _ in range(2):
                share(context, in_flight)
    with database.read() as session:
        found = totals(session)
    counted = {labels[1:]: n for (name, labels), n in found.items() if name == CALLS.name}
    assert counted == {
        ("e0", "throttled"): 2,
        ("e0", "answered"): 1,
        ("e1", "failed"): 2,
        ("e2", "outage"): 2,
        ("e3", "refused"): 2,
    }
    tokens = {labels[2]: n for (name, labels), n in found.items() if name == TOKENS.name}
    assert tokens == {"prompt": 3, "completion": 2}
    [(dollars, _)] = [(n / COST.per_unit, 0) for (name, _), n in found.items() if name == COST.name]
    assert dollars == pytest.approx((3 * 10 + 2 * 20) / 1e6)


def test_capacity_is_bounded_by_the_process_over_all_endpoints(database: Database) -> None:
    context = context_of(database, echo, echo, concurrency=4)
    with open_calls(context) as calls:
        in_flight = InFlight[ACall](context, calls, MODEL)
        assert in_flight.free == 4
        in_flight.send([ACall(1, "e0"), ACall(2, "e1"), ACall(3, "e1")])
        assert in_flight.free == 1


def test_a_call_that_cannot_be_answered_is_to_blame_itself(database: Database) -> None:
    context = context_of(database, raising(ItemError("too long")))
    with open_calls(context) as calls:
        in_flight = InFlight[ACall](context, calls, MODEL)
        in_flight.send([ACall(1)])
        (one,) = all_ended(in_flight)
        assert (str(one.answer), one.is_to_blame) == ("too long", True)
        share(context, in_flight)
        assert in_flight.waits_in_vain() is None


def test_of_the_calls_that_meet_an_outage_the_first_is_to_blame(database: Database) -> None:
    context = context_of(database, raising(Outage("gone")), outage_patience_s=0.0)
    with open_calls(context) as calls:
        in_flight = InFlight[ACall](context, calls, MODEL)
        in_flight.send([ACall(1), ACall(2), ACall(3)])
        assert [one.is_to_blame for one in all_ended(in_flight)] == [True, False, False]
        assert in_flight.waits_in_vain() is None, "nothing is shared yet"
        share(context, in_flight)
        why = in_flight.waits_in_vain()
        assert why is not None
        assert why.startswith("The endpoint has been away for 0 s.")
        assert "gone" in why
        # The endpoint is known to be away: a probe is not to blame.
        in_flight.send([ACall(4)])
        assert [one.is_to_blame for one in all_ended(in_flight)] == [False]


def test_a_refusal_of_all_calls_is_kept(database: Database) -> None:
    context = context_of(database, raising(RunError("wrong key")))
    with open_calls(context) as calls:
        in_flight = InFlight[ACall](context, calls, MODEL)
        in_flight.send([ACall(1)])
        (one,) = all_ended(in_flight)
        assert not one.is_to_blame
        assert in_flight.waits_in_vain() == "wrong key"
        assert not in_flight.has_news


def test_an_endpoint_that_refuses_all_calls_gets_no_more_while_another_is_left(
    database: Database,
) -> None:
    context = context_of(database, raising(RunError("no credit")), echo)
    with open_calls(context) as calls:
        in_flight = InFlight[ACall](context, calls, MODEL)
        in_flight.send([ACall(1, "e0"), ACall(2, "e1")])
        all_ended(in_flight)
        share(context, in_flight)
        assert in_flight.waits_in_vain() is None
        assert in_flight.endpoints.set_aside == {"e0": "no credit"}
        with database.write() as session:
            assert in_flight.endpoints.shares(session, 4) == {"e1": 4}
        # What was sent to it and waits is taken back.
        calls.lanes["e0"].hold(60.0)
        in_flight.send([ACall(3, "e0")])
        assert in_flight.collect(0.05) == []
        assert [call.key for call in in_flight.withdraw_held()] == [3]
        in_flight.endpoints.set_aside["e1"] = "wrong key"
        assert in_flight.waits_in_vain() == "Endpoint e0: no credit Endpoint e1: wrong key"


def test_abandoned_calls_that_were_never_sent_are_returned_and_still_count(
    database: Database,
) -> None:
    context = context_of(database, echo, concurrency=2)
    with open_calls(context) as calls:
        in_flight = InFlight[ACall](context, calls, MODEL)
        # Held back, as by a throttle: all three wait here.
        calls.lanes["e0"].hold(60.0)
        in_flight.send([ACall(n) for n in range(3)])
        assert in_flight.collect(0.05) == []
        assert {call.key for call in in_flight.abandon()} == {0, 1, 2}
        assert len(in_flight) == 3, "they count until the caller has reopened them"
        assert in_flight.collect_rest() == []


def test_what_waits_here_is_taken_back(database: Database) -> None:
    context = context_of(database, echo)
    with open_calls(context) as calls:
        in_flight = InFlight[ACall](context, calls, MODEL)
        calls.lanes["e0"].hold(60.0)
        in_flight.send([ACall(n) for n in range(3)])
        assert in_flight.collect(0.05) == []
        assert [call.key for call in in_flight.withdraw()] == [0, 1, 2]
        assert not in_flight
        assert in_flight.free == 4


def test_what_waits_for_an_endpoint_with_a_long_hold_is_taken_back_if_another_has_none(
    database: Database,
) -> None:
    context = context_of(database, echo, echo)
    with open_calls(context) as calls:
        in_flight = InFlight[ACall](context, calls, MODEL)
        calls.lanes["e0"].hold(3.0)
        in_flight.send([ACall(0)])
        assert in_flight.collect(0.05) == []
        assert in_flight.withdraw_held() == []
        calls.lanes["e0"].hold(86_400.0)
        assert in_flight.collect(0.05) == []
        assert [call.key for call in in_flight.withdraw_held()] == [0]
        assert not in_flight
        calls.lanes["e1"].hold(86_400.0)
        in_flight.send([ACall(1)])
        assert in_flight.collect(0.05) == []
        assert in_flight.withdraw_held() == [], "no other endpoint could answer it"
        in_flight.withdraw()
