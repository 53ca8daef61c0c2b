"""Endpoint state: throttles, outages with probes, and limits per minute."""

from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from app.store.sql import epoch_now
from app.store.tables.endpoints import EndpointState
from app.store.work import endpoint_states
from app.store.work.endpoint_states import State, Throttle, Used

ABOUT = 1.0


@pytest.fixture(autouse=True)
def rows(session: Session) -> None:
    endpoint_states.add(session, ["west", "east"], "m")
    endpoint_states.add(session, ["east"], "other")
    endpoint_states.add(session, ["east", "west"], "m")


def state(session: Session, name: str = "east", model: str = "m") -> State:
    return endpoint_states.states(session, [name], model, lock=True)[name]


def hold(session: Session, hold_s: float, since_s: float = 0.0, words: str = "slow") -> None:
    throttle = Throttle(hold_s, since_s, words)
    endpoint_states.record_throttled(session, "east", "m", throttle)


def change(session: Session, **columns: object) -> None:
    this = (EndpointState.name == "east", EndpointState.model == "m")
    session.execute(update(EndpointState).where(*this).values(**columns))


def test_new_endpoints_answer(session: Session) -> None:
    found = endpoint_states.states(session, ["west", "east", "none"], "m", lock=False)
    assert list(found) == ["east", "west"]
    assert found["east"] == State()


def test_a_throttled_endpoint_is_held_for_the_longest_time(session: Session) -> None:
    hold(session, 30.0)
    assert state(session).held_s == pytest.approx(30, abs=ABOUT)
    hold(session, 5.0)
    assert state(session).held_s == pytest.approx(30, abs=ABOUT)
    hold(session, 60.0)
    assert state(session).held_s == pytest.approx(60, abs=ABOUT)
    assert state(session, "west") == state(session, model="other") == State()
    change(session, throttled_until=epoch_now() - 5)
    assert state(session).held_s == 0.0


def test_the_time_of_refusals_only_is_counted_until_an_answer(session: Session) -> None:
    assert state(session).throttled_s is None
    hold(session, 1.0, since_s=30.0, words="first")
    hold(session, 1.0, since_s=2.0, words="second")
    found = state(session)
    assert found.throttled_s == pytest.approx(30, abs=ABOUT), "counted from the first worker's"
    assert found.throttle == "second"
    assert state(session, "west").throttled_s is None
    endpoint_states.record_up(session, "east", "m")
    assert state(session).throttled_s is None
    assert state(session).held_s > 0, "a wait that it asked for goes on"
    endpoint_states.release(session, "west", "m")
    assert state(session).held_s > 0
    endpoint_states.release(session, "east", "m")
    assert state(session).held_s == 0


def test_an_outage_counts_once_for_calls_that_fail_together(session: Session) -> None:
    endpoint_states.record_down(session, "east", "m", "first", was_probe=False)
    change(session, down_since=epoch_now() - 20)
    endpoint_states.record_down(session, "east", "m", "second", was_probe=False)
    found = state(session)
    assert found.trouble == "first"
    assert found.away_s == pytest.approx(20, abs=ABOUT)
    endpoint_states.record_down(session, "east", "m", "third", was_probe=True)
    assert state(session).trouble == "third"
    assert state(session).away_s == pytest.approx(20, abs=ABOUT)
    assert state(session, "west").away_s is None


def delay(session: Session) -> float | None:
    this = ("east", "m")
    return session.get_one(EndpointState, this, populate_existing=True).probe_delay_s


def test_failed_probes_double_the_delay_up_to_a_bound(session: Session) -> None:
    endpoint_states.record_down(session, "east", "m", "no", was_probe=False)
    delays = [delay(session)]
    for _ in range(6):
        endpoint_states.record_down(session, "east", "m", "no", was_probe=True)
        delays.append(delay(session))
    assert delays == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0]


def test_a_probe_waits_as_long_as_the_endpoint_asks(session: Session) -> None:
    endpoint_states.record_down(session, "east", "m", "no", was_probe=False, retry_after_s=60.0)
    assert state(session).down_for_s == pytest.approx(60, abs=ABOUT)
    probe_at = session.get_one(EndpointState, ("east", "m"), populate_existing=True).probe_at
    assert probe_at is not None
    change(session, probe_at=probe_at - timedelta(seconds=60 - ABOUT))
    assert not endpoint_states.take_probe(session, "east", "m", 5.0)
    change(session, probe_at=probe_at - timedelta(seconds=60))
    assert endpoint_states.take_probe(session, "east", "m", 5.0)
    endpoint_states.record_down(session, "east", "m", "no", was_probe=True)
    assert state(session).down_for_s == 0.0
    endpoint_states.record_down(session, "east", "m", "no", was_probe=True, retry_after_s=60.0)
    endpoint_states.record_up(session, "east", "m")
    assert state(session).down_for_s == 0.0


def test_one_worker_takes_the_probe_when_it_is_due(session: Session) -> None:
    assert not endpoint_states.take_probe(session, "east", "m", 5.0)
    endpoint_states.record_down(session, "east", "m", "no", was_probe=False)
    change(session, probe_at=epoch_now() + 5)
    assert not endpoint_states.take_probe(session, "east", "m", 5.0)
    change(session, probe_at=epoch_now() - 1)
    assert not endpoint_states.take_probe(session, "west", "m", 5.0)
    assert endpoint_states.take_probe(session, "east", "m", 5.0)
    assert not endpoint_states.take_probe(session, "east", "m", 5.0)


def test_an_endpoint_that_answers_is_up_and_begins_anew(session: Session) -> None:
    for _ in range(3):
        endpoint_states.record_down(session, "east", "m", "no", was_probe=True)
    endpoint_states.record_up(session, "east", "m")
    assert (state(session).away_s, delay(session)) == (None, None)
    assert not endpoint_states.take_probe(session, "east", "m", 5.0)
    endpoint_states.record_down(session, "east", "m", "no", was_probe=False)
    assert delay(session) == 0.5


def test_charges_add_up_and_the_past_is_not_saved_up(session: Session) -> None:
    endpoint_states.charge(session, "east", "m", Used(10.0, 20.0))
    endpoint_states.charge(session, "east", "m", Used(5.0, 0.0))
    found = state(session)
    assert found.requests_ahead_s == pytest.approx(15, abs=ABOUT)
    assert found.tokens_ahead_s == pytest.approx(20, abs=ABOUT)
    change(session, requests_at=epoch_now() - 100)
    assert state(session).requests_ahead_s == pytest.approx(-100, abs=ABOUT)
    endpoint_states.charge(session, "east", "m", Used(5.0, 0.0))
    assert state(session).requests_ahead_s == pytest.approx(5, abs=ABOUT)
    assert state(session, "west").requests_ahead_s == 0.0


def test_a_charge_is_corrected_by_what_an_answer_used(session: Session) -> None:
    endpoint_states.charge(session, "east", "m", Used(10.0, 20.0))
    endpoint_states.correct(session, "east", "m", Used(0.0, -15.0))
    found = state(session)
    assert found.requests_ahead_s == pytest.approx(10, abs=ABOUT)
    assert found.tokens_ahead_s == pytest.approx(5, abs=ABOUT)
