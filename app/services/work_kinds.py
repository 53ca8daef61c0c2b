"""The kinds of background work: what sweepers send, workers do, and the API's own worker does.

Everything that treats all kinds alike loops over `KINDS`: a further kind is one entry there.

The code of the work is loaded by the first work, or by `load_work`: the API only sends messages.
"""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from celery import Celery

from app.messaging import GENERATION_QUEUE, MAINTENANCE_QUEUE, TRAINING_QUEUE, send_task
from app.services.context import ServiceContext
from app.services.generation.slots import sweep
from app.services.journeys.waiting_jobs import advance_waiting_jobs
from app.services.training.jobs.monitor import Interruption
from app.store.runs.slots import Slot

_PATIENCE_S = 2.0
"""A pump needs a tenth of a second to stop; an orchestrator kills after ten."""
_TRAINING_PATIENCE_S = 20.0
"""For a step on a slow machine, and its checkpoint; an orchestrator must give such workers more."""
_WORK = (
    "app.services.generation.advance_run",
    "app.services.datasets.make",
    "app.services.training.jobs.work",
    # Every run calls a model.
    "app.llm.openai_provider",
    "app.llm.batch_api.batches",
)


class WorkRef(NamedTuple):
    """A piece of work, as a message names it."""

    id: str
    slot: int = 0
    """Of a run that several workers share."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The stop signals from a worker's process to its work."""

    requested: Callable[[], bool]
    """Returns True once the work should hand back what it holds and return."""
    interrupt: Callable[[], None] = lambda: None
    """Raises an exception in the thread that works, from another thread; left out: no way to."""


@dataclass(frozen=True, slots=True)
class WorkKind:
    """One kind of work under a lease."""

    name: str
    """For the log, such as ``run``."""
    task: str
    """The name of the Celery task; waiting messages of earlier versions bear it, too."""
    queue: str
    sweep: Callable[[ServiceContext], Sequence[WorkRef]]
    """Releases what dead processes held; names what a worker should look at and records that."""
    work: Callable[[ServiceContext, WorkRef, Stop], WorkRef | None]
    """Does a turn of the work; returns what should be sent again at once."""
    patience_s: float = _PATIENCE_S
    """Seconds that the work may take to stop before it is interrupted."""


def send(celery: Celery, kind: WorkKind, ref: WorkRef) -> None:
    """Notify a worker; without a broker it is only logged, and the sweeper sends again."""
    send_task(celery, kind.task, kind.queue, ref.id, *([ref.slot] if ref.slot else []))


def load_work() -> None:
    """Load the code of all work; a process that forks calls it, for its children to share it."""
    for module in _WORK:
        importlib.import_module(module)


def _sweep_runs(context: ServiceContext) -> Sequence[WorkRef]:
    return [WorkRef(*slot) for slot in sweep(context)]


def _advance_run(context: ServiceContext, ref: WorkRef, stop: Stop) -> WorkRef | None:
    from app.services.generation.advance_run import advance_run  # noqa: PLC0415 - see above

    again = advance_run(context, Slot(ref.id, ref.slot), stop.requested)
    return None if again is None else WorkRef(*again)


def _sweep_datasets(context: ServiceContext) -> Sequence[WorkRef]:
    from app.services.datasets.make import sweep_datasets  # noqa: PLC0415 - see above

    # First, for what it adds: the data sets of runs that jobs waited for.
    advance_waiting_jobs(context)
    return [WorkRef(dataset_id) for dataset_id in sweep_datasets(context)]


def _make_dataset(context: ServiceContext, ref: WorkRef, stop: Stop) -> WorkRef | None:
    from app.services.datasets.make import make_dataset  # noqa: PLC0415 - see above

    return ref if make_dataset(context, ref.id, stop.requested) else None


def _sweep_training(context: ServiceContext) -> Sequence[WorkRef]:
    from app.services.training.jobs.work import sweep_training  # noqa: PLC0415 - see above

    return [WorkRef(job_id) for job_id in sweep_training(context)]


def _train(context: ServiceContext, ref: WorkRef, stop: Stop) -> WorkRef | None:
    from app.services.training.jobs.work import work_on_job  # noqa: PLC0415 - see above

    interruption = Interruption(_TRAINING_PATIENCE_S, stop.interrupt)
    again = work_on_job(context, ref.id, stop.requested, interruption=interruption)
    return ref if again else None


RUNS = WorkKind("run", "seedbed.advance_run", GENERATION_QUEUE, _sweep_runs, _advance_run)
DATASETS = WorkKind(
    "data set", "seedbed.make_dataset", MAINTENANCE_QUEUE, _sweep_datasets, _make_dataset
)
TRAINING = WorkKind(
    "training job", "seedbed.train", TRAINING_QUEUE, _sweep_training, _train, _TRAINING_PATIENCE_S
)
KINDS = (RUNS, DATASETS, TRAINING)
"""In the order in which one thread does them all."""
