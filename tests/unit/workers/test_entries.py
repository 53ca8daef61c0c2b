"""The worker's entry: tasks, heartbeat, stopping."""

from pathlib import Path

from app.services.work_kinds import KINDS
from workers import celery_app
from workers.heartbeat import EVERY_S, touch_heartbeat_file
from workers.stopping import Stopping


def test_every_kind_of_work_has_its_task() -> None:
    own = {name for name in celery_app.celery.tasks if not name.startswith("celery.")}
    assert own == {kind.task for kind in KINDS}
    assert [(kind.name, kind.task, kind.queue) for kind in KINDS] == [
        ("run", "seedbed.advance_run", "generation"),
        ("data set", "seedbed.make_dataset", "maintenance"),
        ("training job", "seedbed.train", "training"),
    ]


def test_a_heartbeat_touches_the_file_where_one_is_set(tmp_path: Path) -> None:
    touch_heartbeat_file(None)
    touch_heartbeat_file(tmp_path / "pulse")
    assert (tmp_path / "pulse").is_file()
    assert EVERY_S == 2.0


def test_a_request_to_stop_reaches_the_whole_worker() -> None:
    stopping = Stopping()
    assert (stopping.is_whole_worker_stopping, stopping.stop_requested()) == (False, False)
    stopping.request_stop()
    assert (stopping.is_whole_worker_stopping, stopping.stop_requested()) == (True, True)
