"""The endpoints that all workers share: who is asked next, and what nobody may do meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.errors import Outage
from app.llm.parallel.calls import Calls
from app.pipeline.budget import Amount
from app.services.context import ServiceContext
from app.services.model_calls.endpoints import Endpoints, Report
from app.store.database import Database
from app.store.work.endpoint_states import State
from tests.unit.services.model_calls.asking import MODEL, context_of, echo


@contextmanager
def a_worker(context: ServiceContext) -> Iterator[tuple[Endpoints, Calls]]:
    with Calls(context.endpoints, MODEL, context.concurrency) as calls:
        yield Endpoints(context, calls, MODEL), calls


def turn(context: ServiceContext, endpoints: Endpoints, report: Report | None = None) -> None:
    with context.database.write() as session:
        endpoints.report(session, report or Report())
    endpoints.obey()


def shares(context: ServiceContext, endpoints: Endpoints, limit: int = 100) -> dict[str, int]:
    with context.database.write() as session:
        return endpoints.shares(session, limit)


def with_weights(context: ServiceContext, *weights: float) -> ServiceContext:
    endpoints = [
        replace(endpoint, weight=weight)
        for endpoint, weight in zip(context.endpoints, weights, strict=True)
    ]
    return replace(context, endpoints=endpoints)


def test_calls_are_shared_out_by_weight_and_capacity(database: Database) -> None:
    context = with_weights(context_of(database, echo, echo, concurrency=100), 3.0, 1.0)
    with a_worker(context) as (endpoints, _):
        turn(context, endpoints)
        # At first an endpoint gets four calls; each answer adds one.
        assert shares(context, endpoints, 4) == {"e0": 3, "e1": 1}
        assert shares(context, endpoints) == {"e0": 4, "e1": 4}
        assert shares(context, endpoints, 0) == {"e0": 0, "e1": 0}


def test_an_endpoint_that_is_away_gets_one_probe_of_one_worker(database: Database) -> None:
    context = context_of(database, echo, concurrency=8)
    with a_worker(context) as (mine, _), a_worker(context) as (others, _):
        turn(context, mine, Report(away={"e0": Outage("gone")}))
        turn(context, others)
        assert mine.any_away
        assert others.any_away
        # The first probe is due after a delay, so nobody gets it before.
        first, second = shares(context, others), shares(context, mine)
        assert first.get("e0", 0) + second.get("e0", 0) <= 1
        turn(context, mine, Report(answered={"e0"}))
        turn(context, others)
        assert not mine.any_away
        assert not others.any_away
        assert shares(context, others) == {"e0": 4}


def test_the_first_call_of_an_outage_is_blamed_and_a_probe_is_not(database: Database) -> None:
    context = context_of(database, echo)
    with a_worker(context) as (endpoints, _):
        turn(context, endpoints)
        assert endpoints.blames("e0", 0)
        turn(context, endpoints, Report(away={"e0": Outage("gone")}))
        assert not endpoints.blames("e0", 0)
        assert not endpoints.blames("e0", 2), "the outage is young"
        endpoints.states = {"e0": replace(endpoints.states["e0"], away_s=31.0)}
        assert endpoints.blames("e0", 1)
        assert not endpoints.blames("e0", 0)


def test_only_when_all_endpoints_are_away_for_long_a_person_is_asked(database: Database) -> None:
    context = context_of(database, echo, echo, outage_patience_s=5.0)
    with a_worker(context) as (endpoints, _):
        turn(context, endpoints, Report(away={"e0": Outage("gone"), "e1": Outage("lost")}))
        assert endpoints.exhausted() is None
        e0, e1 = endpoints.states["e0"], endpoints.states["e1"]
        endpoints.states = {"e0": replace(e0, away_s=9.0), "e1": replace(e1, away_s=4.9)}
        assert endpoints.exhausted() is None
        endpoints.states = {"e0": replace(e0, away_s=9.0), "e1": replace(e1, away_s=6.0)}
        assert endpoints.exhausted() == "The endpoint has been away for 6 s. lost"
        endpoints.states = {"e0": replace(e0, away_s=9.0), "e1": replace(e1, away_s=None)}
        assert endpoints.exhausted() is None


def test_refusals_by_rate_limits_are_counted_by_all_workers_together(database: Database) -> None:
    context = context_of(database, echo, echo, throttle_patience_s=600.0)
    with a_worker(context) as (endpoints, _):
        turn(context, endpoints)
        e0, e1 = (
            State(throttled_s=700.0, throttle="Too many."),
            State(throttled_s=599.0, throttle="Too many here."),
        )
        endpoints.states = {"e0": e0, "e1": e1}
        assert endpoints.exhausted() is None
        endpoints.states = {"e0": e0, "e1": replace(e1, throttled_s=601.0)}
        assert "refused all calls for 700 s" in str(endpoints.exhausted())
        # One is away and the other throttles: neither can be asked.
        endpoints.states = {"e0": e0, "e1": State(away_s=1.0, trouble="gone")}
        assert "refused all calls for 700 s" in str(endpoints.exhausted())
        endpoints.states = {"e0": e0, "e1": State()}
        assert endpoints.exhausted() is None


def test_a_wait_longer_than_the_patience_is_not_begun(database: Database) -> None:
    context = context_of(database, echo, throttle_patience_s=600.0)
    with a_worker(context) as (endpoints, _):
        turn(context, endpoints)
        endpoints.states = {"e0": State(held_s=590.0, throttled_s=0.1, throttle="A day.")}
        assert endpoints.exhausted() is None
        endpoints.states = {"e0": State(held_s=86_400.0, throttled_s=0.1, throttle="A day.")}
        why = str(endpoints.exhausted())
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        assert why.startswith("A day. It refuses calls until ")
        assert f"{tomorrow:%Y-%m-%d}" in why


def test_an_outage_that_names_a_wait_is_left_alone_so_long(database: Database) -> None:
    context = context_of(database, echo, throttle_patience_s=600.0, outage_patience_s=900.0)
    outage = Outage("Overloaded.")
    for wait_s, why in ((60.0, None), (86_400.0, "Overloaded. It refuses calls until ")):
        outage.retry_after_s = wait_s
        with a_worker(context) as (endpoints, _):
            turn(context, endpoints, Report(away={"e0": outage}))
            assert wait_s - 10 < endpoints.states["e0"].down_for_s <= wait_s
            # A short outage would be probed after half a second.
            assert shares(context, endpoints) == {}
            assert (endpoints.exhausted() or "").startswith(why or "") is True
            assert (endpoints.exhausted() is None) == (why is None)
            wait = endpoints.wait()
            assert wait is not None
            assert wait.message == "Overloaded."
            turn(context, endpoints, Report(answered={"e0"}))
            assert endpoints.states["e0"].down_for_s == 0.0


def test_a_wait_of_some_seconds_is_shown(database: Database) -> None:
    context = context_of(database, echo, echo)
    with a_worker(context) as (endpoints, _):
        turn(context, endpoints)
        held = State(held_s=60.0, throttled_s=0.5, throttle="Slow down.")
        for other, shown in (
            (State(), None),
            (State(held_s=2.0, throttled_s=1.0, throttle="Slow."), None),
            (State(held_s=0.0, throttled_s=6.0, throttle="No."), "Slow down."),
            (State(away_s=0.2, trouble="gone"), None),
            (State(away_s=6.0, trouble="gone"), "Slow down."),
            (State(held_s=90.0, throttled_s=0.1, throttle="Later."), "Later."),
        ):
            endpoints.states = {"e0": held, "e1": other}
            wait = endpoints.wait()
            assert (None if wait is None else wait.message) == shown


def test_a_throttle_of_one_worker_holds_the_calls_of_all(database: Database) -> None:
    context = context_of(database, echo)
    with a_worker(context) as (mine, my_calls), a_worker(context) as (others, their_calls):
        turn(context, mine)
        turn(context, others)
        assert not mine.want_a_turn
        my_calls.lanes["e0"].hold(30.0)
        # The loop's thread takes it in.
        my_calls.lanes["e0"].withdraw()
        assert mine.want_a_turn
        turn(context, mine)
        assert not mine.want_a_turn, "everybody can know now"
        assert shares(context, mine) == {}
        turn(context, others)
        their_calls.lanes["e0"].withdraw()
        assert 25.0 < their_calls.lanes["e0"].held_s <= 30.0
        assert shares(context, others) == {}


def limited(database: Database, **limits: Any) -> ServiceContext:
    return context_of(database, echo, concurrency=100, limits=limits)


def call(tokens: int) -> tuple[str, Amount]:
    return "e0", Amount(1, tokens, Decimal(0))


def test_requests_a_minute_are_kept_by_all_workers_together(database: Database) -> None:
    context = limited(database, requests_per_minute=120)
    with a_worker(context) as (mine, _), a_worker(context) as (others, _):
        turn(context, mine)
        # Two a second, and a burst of one second.
        assert shares(context, mine) == {"e0": 2}
        with context.database.write() as session:
            mine.charge(session, [call(0)] * 600)
        turn(context, others)
        assert 290.0 < others.states["e0"].requests_ahead_s <= 300.0
        assert shares(context, others) == {}


def test_tokens_a_minute_are_charged_by_share_and_corrected_by_the_answers(
    database: Database,
) -> None:
    context = limited(database, tokens_per_minute=60)
    with a_worker(context) as (endpoints, _):
        turn(context, endpoints)
        # One token a second: one call may always go out when nothing is charged.
        assert shares(context, endpoints) == {"e0": 1}
        with context.database.write() as session:
            # A third of the most is charged.
            endpoints.charge(session, [call(2_700)])
        turn(context, endpoints)
        assert 890.0 < endpoints.states["e0"].tokens_ahead_s <= 900.0
        assert shares(context, endpoints) == {}
        # It took 300 in truth.
        turn(context, endpoints, Report(answered={"e0"}, taken={"e0": [(2_700, 300)]}))
        turn(context, endpoints)
        assert 290.0 < endpoints.states["e0"].tokens_ahead_s <= 300.0


def test_without_limits_nothing_is_charged(database: Database) -> None:
    context = context_of(database, echo)
    with a_worker(context) as (endpoints, _):
        turn(context, endpoints)
        with context.database.write() as session:
            endpoints.charge(session, [call(10**9)] * 5)
        turn(context, endpoints)
        assert shares(context, endpoints) == {"e0": 4}


def test_a_wait_is_shown_once_no_endpoint_has_answered_for_five_seconds(
    database: Database,
) -> None:
    context = context_of(database, echo, echo)
    with a_worker(context) as (endpoints, _):
        turn(context, endpoints)
        assert endpoints.wait() is None
        turn(
            context,
            endpoints,
            Report(away={"e0": Outage("gone"), "e1": Outage("The model is loading.")}),
        )
        assert endpoints.wait() is None, "it has lasted for a moment only"
        e0, e1 = endpoints.states["e0"], endpoints.states["e1"]
        endpoints.states = {"e0": replace(e0, away_s=9.0), "e1": replace(e1, away_s=4.0)}
        assert endpoints.wait() is None
        endpoints.states = {"e0": replace(e0, away_s=9.0), "e1": replace(e1, away_s=6.0)}
        assert endpoints.wait() == ("loading", "The model is loading.", 6.0)
        endpoints.states = {"e0": replace(e0, away_s=7.0), "e1": replace(e1, away_s=8.0)}
        assert endpoints.wait() == ("outage", "gone", 7.0)
        endpoints.states = {"e0": replace(e0, away_s=7.0), "e1": replace(e1, away_s=None)}
        assert endpoints.wait() is None, "one of them answers"
