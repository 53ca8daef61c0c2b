"""Versions of data sets: made under a lease, written in order, ended once."""

from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from app.states import DatasetState
from app.store.datasets import versions
from app.store.datasets.versions import Written
from app.store.sql import epoch_now
from app.store.tables.datasets import Dataset, DatasetFile
from tests.unit.store.rows import add_dataset

LIVE, DEAD = 60.0, -60.0
ID = "dataset_a"


def row(session: Session) -> Dataset:
    return session.get_one(Dataset, ID, populate_existing=True)


@pytest.mark.parametrize("state", [*DatasetState])
def test_only_an_unfinished_version_is_taken(session: Session, state: DatasetState) -> None:
    add_dataset(session, state=state)
    unfinished = state in {"queued", "making"}
    assert list(versions.waiting(session, 5.0)) == ([ID] if unfinished else [])
    assert versions.take(session, ID, "one", LIVE) is unfinished
    assert row(session).state == ("making" if unfinished else state)
    assert not versions.take(session, "dataset_unknown", "one", LIVE)


def test_a_version_is_begun_anew_by_the_next_process_and_not_by_the_same(session: Session) -> None:
    add_dataset(session)
    assert versions.take(session, ID, "one", DEAD)
    assert versions.advance(session, ID, "one", Written(0, 0), Written(5, 2))
    assert versions.take(session, ID, "one", DEAD)
    assert (row(session).row_count, row(session).dropped_count) == (5, 2)
    assert row(session).attempts == 1
    assert versions.take(session, ID, "two", LIVE)
    assert (row(session).row_count, row(session).dropped_count) == (0, 0)
    assert (row(session).attempts, row(session).token) == (2, "two")


def test_the_rows_of_an_import_are_kept(session: Session) -> None:
    add_dataset(session, is_import=True, row_count=5, dropped_count=2)
    assert versions.take(session, ID, "one", LIVE)
    assert (row(session).row_count, row(session).dropped_count) == (5, 2)


def test_what_is_written_is_recorded_once_and_fenced(session: Session) -> None:
    add_dataset(session)
    versions.take(session, ID, "one", LIVE)
    before, after = Written(0, 0), Written(4, 1)
    assert versions.advance(session, ID, "one", before, after) is True
    assert versions.advance(session, ID, "one", before, after) is None
    assert versions.advance(session, ID, "one", before, Written(5, 1)) is False
    assert versions.advance(session, ID, "two", after, Written(6, 1)) is False
    assert versions.advance(session, ID, "one", Written(4, 0), Written(6, 1)) is False
    assert versions.advance(session, ID, "one", Written(3, 1), Written(6, 1)) is False
    assert (row(session).row_count, row(session).dropped_count) == (4, 1)


def test_a_lease_is_prolonged_while_the_version_is_made(session: Session) -> None:
    add_dataset(session)
    versions.take(session, ID, "one", DEAD)
    assert not versions.extend(session, ID, "two", LIVE)
    assert versions.extend(session, ID, "one", LIVE)
    assert not versions.take(session, ID, "two", LIVE)
    session.execute(update(Dataset).values(state="deleted"))
    assert not versions.extend(session, ID, "one", LIVE)


def test_a_released_version_waits_again_without_an_attempt(session: Session) -> None:
    add_dataset(session)
    versions.take(session, ID, "one", LIVE)
    versions.release(session, ID, "two")
    assert row(session).state == "making"
    versions.release(session, ID, "one")
    assert (row(session).state, row(session).token, row(session).attempts) == ("queued", None, 0)


def test_an_end_is_recorded_by_the_holder_alone(session: Session) -> None:
    add_dataset(session)
    versions.take(session, ID, "one", LIVE)
    assert not versions.end(session, ID, "two", DatasetState.READY)
    assert versions.end(session, ID, "one", DatasetState.READY, content_sha256="c")
    ended = row(session)
    assert (ended.state, ended.content_sha256, ended.token) == ("ready", "c", None)
    assert ended.ended_at is not None
    assert ended.leased_until is None
    assert not versions.end(session, ID, "one", DatasetState.FAILED)


def test_an_import_fails_with_its_process(session: Session) -> None:
    columns: dict[str, Any] = {"state": "reading", "is_import": True, "row_count": 3}
    add_dataset(session, **columns, token="one", request_sha256="r", dropped_count=1)
    session.execute(update(Dataset).values(leased_until=epoch_now() + 60))
    assert versions.broken_imports(session) == []
    versions.fail_import(session, ID)
    assert row(session).state == "reading"
    session.execute(update(Dataset).values(leased_until=epoch_now() - 1))
    assert versions.broken_imports(session) == [ID]
    versions.fail_import(session, ID)
    failed = row(session)
    assert (failed.state, failed.token, failed.request_sha256) == ("failed", None, None)
    assert (failed.row_count, failed.dropped_count) == (0, 0)
    assert failed.message == "The service stopped while it read the file; send it again."
    assert failed.ended_at is not None
    session.execute(update(Dataset).values(state="making", leased_until=epoch_now() - 1))
    assert versions.broken_imports(session) == []


def test_a_version_is_found_by_its_request_and_numbered_by_its_name(session: Session) -> None:
    assert versions.next_version(session, "n") == 1
    add_dataset(session, name="n", version=3, request_sha256="r")
    add_dataset(session, "dataset_b", name="n", version=2)
    assert versions.next_version(session, "n") == 4
    found = versions.find_by_request(session, ["old", "r"])
    assert found is not None
    assert found.id == ID
    assert versions.find_by_request(session, ["other"]) is None
    assert versions.lock(session, ID).id == ID


def test_a_file_is_recorded_once_and_must_come_out_the_same(session: Session) -> None:
    add_dataset(session)
    add_dataset(session, "dataset_b")

    def made(name: str, sha256: str = "s", dataset_id: str = ID) -> DatasetFile:
        return DatasetFile(
            dataset_id=dataset_id, name=name, sha256=sha256, size_bytes=1, row_count=1
        )

    for name in ("b.json", "a.json", "b.json"):
        assert versions.record_file(session, made(name)).name == name
    versions.record_file(session, made("c.json", dataset_id="dataset_b"))
    assert [file.name for file in versions.files_of(session, ID)] == ["a.json", "b.json"]
    with pytest.raises(RuntimeError, match=r"dataset_a: a\.json came out different"):
        versions.record_file(session, made("a.json", "other"))
    versions.delete_files(session, ID)
    session.expire_all()
    assert versions.files_of(session, ID) == []
    assert len(versions.files_of(session, "dataset_b")) == 1


@pytest.mark.parametrize(
    ("columns", "uses"),
    [
        ({"recipe": {"sources": [{"dataset_id": ID}]}}, True),
        ({"facts": {"sources": [{"dataset_id": ID}]}}, True),
        ({"recipe": {"sources": [{"dataset_id": "dataset_c"}]}}, False),
        ({"recipe": {"sources": [{"dataset_id": ID}]}, "state": "ready"}, False),
    ],
)
def test_an_unfinished_version_uses_what_it_reads(
    session: Session, columns: dict[str, Any], *, uses: bool
) -> None:
    add_dataset(session, state="ready")
    add_dataset(session, "dataset_b", **columns)
    assert versions.used_by(session, ID) == ("dataset_b" if uses else None)
