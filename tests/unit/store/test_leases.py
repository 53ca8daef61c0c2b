"""Leases: taken once, prolonged and released by their holder only, taken over when expired."""

import pytest
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from app.store import leases
from app.store.sql import epoch_now
from app.store.tables.datasets import Dataset
from tests.unit.store.rows import add_dataset

LIVE, DEAD = 60.0, -60.0


def take(session: Session, token: str, lease_s: float = LIVE, **values: object) -> bool:
    this = Dataset.id == "dataset_a"
    return leases.take(session, Dataset, this, token=token, lease_s=lease_s, **values)


def row(session: Session) -> Dataset:
    return session.get_one(Dataset, "dataset_a", populate_existing=True)


def holder(session: Session) -> str | None:
    return row(session).token


def matches(session: Session, condition: ColumnElement[bool]) -> bool:
    return session.scalar(select(Dataset.id).where(condition)) is not None


@pytest.fixture(autouse=True)
def dataset(session: Session) -> Dataset:
    return add_dataset(session)


def test_a_free_row_is_taken_and_then_held(session: Session) -> None:
    assert take(session, "one", message="taken")
    assert not take(session, "two", message="not")
    held = row(session)
    assert (held.token, held.message) == ("one", "taken")
    assert held.leased_until is not None
    now = session.scalar(select(epoch_now())) or 0.0
    assert LIVE - 5 < held.leased_until.timestamp() - now <= LIVE


def test_the_holder_may_take_it_again_and_others_only_after_its_lease(session: Session) -> None:
    assert take(session, "one", DEAD)
    assert take(session, "one", DEAD)
    assert take(session, "two")
    assert holder(session) == "two"
    assert not take(session, "one")


def test_a_row_is_live_free_or_expired_by_its_lease(session: Session) -> None:
    def states() -> tuple[bool, bool, bool]:
        conditions = (leases.is_live(Dataset), leases.is_free(Dataset), leases.is_expired(Dataset))
        live, free, expired = (matches(session, condition) for condition in conditions)
        return live, free, expired

    assert states() == (False, True, False)
    take(session, "one")
    assert states() == (True, False, False)
    take(session, "one", DEAD)
    assert states() == (False, True, True)


def test_only_the_holder_extends_and_releases(session: Session) -> None:
    take(session, "one", DEAD)
    this = Dataset.id == "dataset_a"
    assert not leases.extend(session, Dataset, this, token="two", lease_s=LIVE)
    assert matches(session, leases.is_expired(Dataset))
    assert leases.extend(session, Dataset, this, token="one", lease_s=LIVE)
    assert matches(session, leases.is_live(Dataset))
    assert not leases.release(session, Dataset, this, token="two", message="not")
    assert row(session).message is None
    assert leases.release(session, Dataset, this, token="one", message="free")
    freed = row(session)
    assert (freed.token, freed.leased_until, freed.message) == (None, None, "free")


def test_the_further_conditions_hold_too(session: Session) -> None:
    this, other = Dataset.id == "dataset_a", Dataset.id == "dataset_b"
    assert not leases.take(session, Dataset, this, other, token="one", lease_s=LIVE)
    take(session, "one")
    assert not leases.extend(session, Dataset, this, other, token="one", lease_s=LIVE)
    assert not leases.release(session, Dataset, this, other, token="one")
    assert holder(session) == "one"


def test_an_attempt_counts_once_for_each_token_and_is_returned_down_to_none(
    session: Session,
) -> None:
    for token, attempts in (("one", 1), ("one", 1), ("two", 2)):
        assert take(session, token, DEAD, attempts=leases.attempts_begun(Dataset, token))
        assert row(session).attempts == attempts
    for attempts in (1, 0, 0):
        session.execute(update(Dataset).values(attempts=leases.attempts_returned(Dataset)))
        assert row(session).attempts == attempts


def test_free_rows_are_named_oldest_first_and_not_again_at_once(session: Session) -> None:
    for n in range(30):
        add_dataset(session, f"dataset_b{n:02}")
    take(session, "one")

    def waiting(again_after_s: float = 5.0) -> list[str]:
        unfinished = Dataset.state == "queued"
        return list(leases.waiting(session, Dataset, unfinished, again_after_s=again_after_s))

    named = waiting()
    assert named == [f"dataset_b{n:02}" for n in range(20)]
    leases.record_notified(session, Dataset, named)
    assert waiting() == [f"dataset_b{n:02}" for n in range(20, 30)]
    assert waiting(again_after_s=-1.0) == named
    take(session, "one", DEAD)
    assert waiting()[0] == "dataset_a"
    leases.record_notified(session, Dataset, [])
    assert waiting()[0] == "dataset_a"


def test_rows_without_work_are_not_named(session: Session) -> None:
    assert leases.waiting(session, Dataset, Dataset.state == "ready", again_after_s=5.0) == []
