"""Leased work: every way it can end, and the heartbeat while it is done."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.errors import ConfigurationError, NotFound, SeedbedError
from app.logging_setup import add_fields
from app.services.context import ServiceContext
from app.services.run_leased import LeasedTask, kept_lease, notify_waiting, run_leased
from app.store.database import Database
from app.store.datasets import versions
from app.store.declarative import Table
from app.store.tables.datasets import Dataset

DOWN = OperationalError("SELECT", {}, Exception("down"))


@dataclass
class Ends:
    """What was called, in order."""

    calls: list[str] = field(default_factory=list)

    def task(self, work: Callable[[], str], **options: object) -> LeasedTask[str]:
        return LeasedTask(
            name="run run_1",
            work=work,
            fail=lambda error: self.calls.append(f"fail: {error}"),
            fail_by_defect=lambda: self.calls.append("defect"),
            release=lambda: self.calls.append("release"),
            **options,  # type: ignore[arg-type]  # the options of the task, by name
        )


def raising(error: BaseException) -> Callable[[], str]:
    def work() -> str:
        raise error

    return work


def test_the_log_has_the_ids_of_the_work_while_it_is_done(tmp_path: Path) -> None:
    log = tmp_path / "log"
    handler = logging.FileHandler(log)
    handler.addFilter(add_fields)
    handler.setFormatter(logging.Formatter("%(message)s%(fields)s"))
    logger = logging.getLogger("app.services.run_leased")
    logger.addHandler(handler)
    task = Ends().task(raising(SeedbedError("no")), log_fields={"run_id": "run_1"})
    run_leased(task)
    logger.warning("after")
    logger.removeHandler(handler)
    handler.close()
    assert log.read_text().splitlines() == ["run run_1 failed: no run_id=run_1", "after"]


@pytest.mark.parametrize(("always", "calls"), [(False, []), (True, ["release"])])
def test_the_result_of_work_is_returned(calls: list[str], *, always: bool) -> None:
    ends = Ends()
    assert run_leased(ends.task(lambda: "again", release_always=always)) == "again"
    assert ends.calls == calls


def test_an_anticipated_failure_is_recorded(caplog: pytest.LogCaptureFixture) -> None:
    ends = Ends()
    assert run_leased(ends.task(raising(ConfigurationError("No key.")))) is None
    assert ends.calls == ["fail: No key."]
    assert "run run_1 failed: No key." in caplog.text
    assert "Traceback" not in caplog.text


def test_a_defect_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    ends = Ends()
    with caplog.at_level(logging.ERROR):
        assert run_leased(ends.task(raising(ValueError("odd")), release_always=True)) is None
    assert ends.calls == ["defect", "release"]
    assert "run run_1 failed: a defect of the service" in caplog.text
    assert "ValueError: odd" in caplog.text


def test_a_failure_that_this_work_does_not_anticipate_is_a_defect() -> None:
    ends = Ends()
    error: SeedbedError = NotFound("run", "run_1")
    run_leased(ends.task(raising(error), anticipated=ConfigurationError))
    assert ends.calls == ["defect"]


@pytest.mark.parametrize(("always", "calls"), [(False, []), (True, ["release"])])
def test_while_the_database_is_down_nothing_is_recorded(calls: list[str], *, always: bool) -> None:
    ends = Ends()
    with pytest.raises(OperationalError):
        run_leased(ends.task(raising(DOWN), release_always=always))
    assert ends.calls == calls


@pytest.mark.parametrize("always", [False, True])
def test_interrupted_work_is_released_once(*, always: bool) -> None:
    ends = Ends()
    with pytest.raises(KeyboardInterrupt):
        run_leased(ends.task(raising(KeyboardInterrupt()), release_always=always))
    assert ends.calls == ["release"]


@pytest.fixture
def context(tmp_path: Path) -> Iterator[ServiceContext]:
    with closing(Database(f"sqlite:///{tmp_path / 'seedbed.db'}")) as database:
        Table.metadata.create_all(database.engine)
        yield ServiceContext(
            database=database,
            endpoints=[],
            default_model=None,
            concurrency=1,
            slice_s=1.0,
            lease_s=0.03,
        )


def test_a_lease_is_prolonged_until_the_block_ends(context: ServiceContext) -> None:
    beats: list[float] = []
    third = threading.Event()

    def extend(_session: Session, lease_s: float) -> None:
        beats.append(lease_s)
        if len(beats) == 3:
            third.set()

    with kept_lease(context, extend):
        assert third.wait(30)
    count = len(beats)
    assert set(beats) == {0.03}
    assert not [thread for thread in threading.enumerate() if thread.name == "lease"]
    assert len(beats) == count


def test_waiting_rows_are_named_and_not_at_once_again(context: ServiceContext) -> None:
    with context.database.write() as session:
        values = {"name": "n", "version": 1, "state": "queued", "is_import": False}
        session.add(Dataset(id="dataset_a", recipe={}, **values))

    def waiting(session: Session) -> list[str]:
        return list(versions.waiting(session, 60.0))

    assert notify_waiting(context, Dataset, waiting) == ["dataset_a"]
    assert notify_waiting(context, Dataset, waiting) == []
