"""Experiment trackers that follow a training, by accelerate: TensorBoard, trackio, W&B, MLflow.

The trackers take their accounts and addresses from the environment of the worker, as their own
documentation says.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from time import time_ns

from accelerate.tracking import (
    GeneralTracker,
    MLflowTracker,
    TensorBoardTracker,
    TrackioTracker,
    WandBTracker,
)

from app.errors import Fault, InvalidInput
from app.evaluation.evaluation_result import ProgressPoint
from app.training.plain.option_groups import TrackerName

_log = logging.getLogger(__name__)
_PROJECT = "seedbed"
_PACKAGES: Mapping[TrackerName, tuple[str, ...]] = {
    "tensorboard": ("tensorboardX", "tensorboard"),
    "trackio": ("trackio",),
    "wandb": ("wandb",),
    "mlflow": ("mlflow",),
}
"""Any one of them is enough."""


@contextmanager
def tracking(
    names: Sequence[TrackerName], job_id: str, folder: Path, log: Callable[[str], None]
) -> Iterator[Callable[[ProgressPoint], None]]:
    """Send each step that the block reports to trackers.

    A tracker that fails later gets no further steps; the log of the job says so.

    Args:
        names: Trackers to start; none: reports go nowhere.
        job_id: Name of the run; a resumed job continues it where the tracker can.
        folder: TensorBoard's files are written to the folder ``tensorboard`` in it. They are no
            outputs of the job, because their names contain the name of the machine.
        log: Gets lines for the log of the job.

    Raises:
        InvalidInput: a tracker is not installed or does not start.
    """
    with ExitStack() as stack:
        started = {name: _started(name, job_id, folder) for name in names}
        for name, tracker in started.items():
            stack.callback(_attempt, name, tracker.finish, log)

        def report(point: ProgressPoint) -> None:
            values = {"loss": point.loss, "learning_rate": point.learning_rate}
            for name, tracker in list(started.items()):
                if not _attempt(name, partial(tracker.log, values, step=point.step), log):
                    del started[name]

        yield report


def _started(name: TrackerName, job_id: str, folder: Path) -> GeneralTracker:
    packages = _PACKAGES[name]
    if not any(map(find_spec, packages)):
        why = f"install the package {packages[0]} for the worker"
        fault = Fault(why, field="outputs.report_to")
        raise InvalidInput(f"The tracker {name} is not installed.", [fault])
    tracker = _made(name, job_id, folder)
    try:
        tracker.start()
    except Exception as error:
        fault = Fault(f"{type(error).__name__}: {error}", field="outputs.report_to")
        raise InvalidInput(f"The tracker {name} does not start.", [fault]) from error
    return tracker


def _made(name: TrackerName, job_id: str, folder: Path) -> GeneralTracker:
    match name:
        case "tensorboard":
            # Its names have seconds: a resume within one would overwrite the file before it.
            return TensorBoardTracker("tensorboard", folder, filename_suffix=f".{time_ns()}")
        case "trackio":
            return TrackioTracker(_PROJECT, name=job_id, resume="allow")
        case "wandb":
            return WandBTracker(_PROJECT, name=job_id, id=job_id, resume="allow")
        case "mlflow":
            return MLflowTracker(_PROJECT, run_name=job_id)


def _attempt(name: TrackerName, action: Callable[[], object], log: Callable[[str], None]) -> bool:
    """Return True when the action succeeds; a training does not end because its tracker does."""
    try:
        action()
    except Exception as error:  # noqa: BLE001 - of any library, about accounts and networks
        _log.exception("the tracker %s failed", name)
        log(f"The tracker {name} failed and is left out: {type(error).__name__}: {error}")
        return False
    return True
