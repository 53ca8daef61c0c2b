"""Trackers: TensorBoard's files, and trackers that are missing or fail."""

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import InvalidInput
from app.evaluation.evaluation_result import ProgressPoint
from app.training.use.trackers import tracking
from tests.unit.services.training.trainers.monitors import Watching

pytestmark = pytest.mark.torch

POINTS = [ProgressPoint(step=n, loss=2.0 / n, learning_rate=0.1 * n) for n in (1, 2, 3)]


def scalars(folder: Path) -> Iterator[tuple[str, int, float]]:
    """Read tag, step and value of every scalar in TensorBoard's files."""
    from tensorboardX.proto.event_pb2 import Event  # noqa: PLC0415 - only with the training extra

    for file in folder.rglob("events.out.tfevents.*"):
        content, at = file.read_bytes(), 0
        while at < len(content):
            # A record has its length, two checksums of four bytes, and an event between them.
            (length,) = struct.unpack_from("<Q", content, at)
            event = Event.FromString(content[at + 12 : at + 12 + length])
            at += 16 + length
            for value in event.summary.value:
                yield value.tag, event.step, value.simple_value


def test_tensorboard_gets_each_step_also_after_a_resume(tmp_path: Path) -> None:
    for points in (POINTS[:2], POINTS[2:]):
        with tracking(("tensorboard",), "training_1", tmp_path, Watching().log) as report:
            for point in points:
                report(point)
    found = sorted(scalars(tmp_path / "tensorboard"))
    assert [(tag, step) for tag, step, _ in found] == [
        (tag, step) for tag in ("learning_rate", "loss") for step in (1, 2, 3)
    ]
    assert [value for *_, value in found] == pytest.approx([0.1, 0.2, 0.3, 2.0, 1.0, 2 / 3])


def test_without_trackers_nothing_is_written(tmp_path: Path) -> None:
    with tracking((), "training_1", tmp_path, Watching().log) as report:
        report(POINTS[0])
    assert not list(tmp_path.iterdir())


def test_a_tracker_that_is_not_installed_is_named_with_its_package(tmp_path: Path) -> None:
    with (
        pytest.raises(InvalidInput, match="mlflow is not installed") as caught,
        tracking(("mlflow",), "training_1", tmp_path, Watching().log),
    ):
        pass
    assert "install the package mlflow" in str(caught.value.faults[0])


def test_a_tracker_that_does_not_start_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "tensorboard").write_text("a file where a folder should be")
    with (
        pytest.raises(InvalidInput, match="tensorboard does not start") as caught,
        tracking(("tensorboard",), "training_1", tmp_path, Watching().log),
    ):
        pass
    assert "NotADirectoryError" in str(caught.value.faults[0])


def test_a_tracker_that_fails_later_is_left_out_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # trackio's package is not here; this one has the functions that accelerate calls.
    (tmp_path / "trackio.py").write_text(
        "class Run:\n"
        "    def log(self, values, **how): raise OSError('no route to host')\n"
        "    def finish(self): pass\n"
        "def init(**how): return Run()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monitor = Watching()
    with tracking(("trackio", "tensorboard"), "training_1", tmp_path, monitor.log) as report:
        for point in POINTS:
            report(point)
    assert [line for line in monitor.lines if "trackio" in line] == [
        "The tracker trackio failed and is left out: OSError: no route to host"
    ]
    assert len(list(scalars(tmp_path / "tensorboard"))) == 6
