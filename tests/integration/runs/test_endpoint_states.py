"""States of endpoints that all workers share, on both databases."""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from app.store.database import Database
from app.store.tables.endpoints import EndpointState
from app.store.work import endpoint_states
from app.store.work.endpoint_states import State, Throttle, Used

MODEL = "m"
Now = Callable[[Callable[[Session], object]], State]


@pytest.fixture
def after(database: Database) -> Now:
    """Changes the endpoint's row and returns its new state."""
    with database.write() as session:
        for _ in range(2):
            endpoint_states.add(session, ["east", "west"], MODEL)

    def change(work: Callable[[Session], object]) -> State:
        with database.write() as session:
            work(session)
            states = endpoint_states.states(session, ["east", "west"], MODEL, lock=True)
        # What is said of one is not said of the other.
        assert states["west"].held_s == 0
        assert states["west"].away_s is None
        return states["east"]

    return change


def away(session: Session, *, was_probe: bool = False) -> None:
    endpoint_states.record_down(session, "east", MODEL, "gone", was_probe=was_probe)


def hold(session: Session, hold_s: float) -> None:
    endpoint_states.record_throttled(session, "east", MODEL, Throttle(hold_s, 0.0, "slow"))


def probe(database: Database, within_s: float = 60.0) -> bool:
    with database.write() as session:
        return endpoint_states.take_probe(session, "east", MODEL, within_s)


def delay_s(database: Database) -> float:
    """How long after the last failed call the next may go out."""
    with database.read() as session:
        state = session.get_one(EndpointState, ("east", MODEL))
        assert state.probe_delay_s is not None
        return state.probe_delay_s


def test_a_hold_lasts_as_long_as_the_longest_that_anybody_was_asked_for(after: Now) -> None:
    assert after(lambda _: None).held_s == 0
    assert 2.5 < after(lambda s: hold(s, 3.0)).held_s <= 3.0
    assert after(lambda s: hold(s, 0.5)).held_s > 2.0
    assert 8 < after(lambda s: hold(s, 9.0)).held_s <= 9.0


def test_the_failures_of_one_outage_are_one_message_and_its_probes_wait_longer_each_time(
    after: Now, database: Database
) -> None:
    state = after(away)
    assert state.away_s is not None
    assert state.trouble == "gone"
    after(away)
    assert delay_s(database) == 0.5
    delays = []
    for _ in range(6):
        after(lambda s: away(s, was_probe=True))
        delays.append(delay_s(database))
    assert delays == [1, 2, 4, 4, 4, 4]
    state = after(lambda s: endpoint_states.record_up(s, "east", MODEL))
    assert state.away_s is None
    after(away)
    assert delay_s(database) == 0.5, "a new outage begins anew"


def test_one_probe_goes_out_and_the_next_when_that_one_is_not_heard_of(
    after: Now, database: Database
) -> None:
    assert not probe(database), "it is not away"
    after(away)
    assert not probe(database), "it has just failed"
    # Given as taken and never heard of again.
    with database.write() as session:
        session.connection().exec_driver_sql("UPDATE endpoint_states SET probe_at = 0")
    got: list[bool] = []

    def want() -> None:
        got.append(database.retrying(lambda s: endpoint_states.take_probe(s, "east", MODEL, 60.0)))

    wanting = [threading.Thread(target=want) for _ in range(6)]
    for thread in wanting:
        thread.start()
    for thread in wanting:
        thread.join()
    assert sorted(got) == [False] * 5 + [True]
    with database.write() as session:
        session.connection().exec_driver_sql("UPDATE endpoint_states SET probe_at = 0")
    assert probe(database, within_s=-1.0)
    assert probe(database)


def test_what_was_asked_adds_up_and_what_was_not_asked_is_not_saved_up(
    after: Now, database: Database
) -> None:
    with database.write() as session:
        # A minute ago, and nothing since.
        session.connection().exec_driver_sql(
            "UPDATE endpoint_states SET requests_at = 60, tokens_at = 60"
        )
    state = after(lambda s: endpoint_states.charge(s, "east", MODEL, Used(2.0, 5.0)))
    assert 1.5 < state.requests_ahead_s <= 2.0
    assert 4.5 < state.tokens_ahead_s <= 5.0
    state = after(lambda s: endpoint_states.charge(s, "east", MODEL, Used(1.0, 0.0)))
    assert 2.5 < state.requests_ahead_s <= 3.0
    assert 4.4 < state.tokens_ahead_s <= 5.0


def test_an_answer_that_took_less_than_expected_gives_back_what_was_left(after: Now) -> None:
    after(lambda s: endpoint_states.charge(s, "east", MODEL, Used(0.0, 5.0)))
    state = after(lambda s: endpoint_states.correct(s, "east", MODEL, Used(0.0, -3.0)))
    assert 1.5 < state.tokens_ahead_s <= 2.0
