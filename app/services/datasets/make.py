"""Making versions: a worker takes one under a lease and makes it from beginning to end."""

import logging
from collections.abc import Callable, Sequence

from app.errors import OutOfSpace, SeedbedError
from app.services.context import ServiceContext
from app.services.datasets.finish import finish
from app.services.datasets.importing import fail_broken_imports
from app.services.datasets.mix import RowMaker
from app.services.datasets.recipe import VersionRecipe
from app.services.datasets.tidy import tidy_if_due
from app.services.datasets.write import (
    DEFECT,
    DatasetWriter,
    LostHold,
    Stopped,
    new_token,
    open_writer,
)
from app.services.free_space import database_shortage
from app.services.run_leased import LeasedTask, notify_waiting, run_leased
from app.states import DatasetState
from app.store.datasets import versions
from app.store.datasets.versions import Written
from app.store.tables.datasets import Dataset

_log = logging.getLogger(__name__)
_MAX_ATTEMPTS = 3
_NOTIFY_AGAIN_S = 5.0


def sweep_datasets(context: ServiceContext) -> Sequence[str]:
    """Fail the imports of dead processes; name the versions that a worker should look at now.

    Any number of sweepers may do so at once.
    """
    tidy_if_due(context)
    fail_broken_imports(context)
    return notify_waiting(
        context, Dataset, lambda session: versions.waiting(session, _NOTIFY_AGAIN_S)
    )


def make_dataset(context: ServiceContext, dataset_id: str, stop: Callable[[], bool]) -> bool:
    """Make a version from beginning to end; safe to repeat and to call from anywhere at once.

    How it failed is recorded in its row; a defect is logged.

    Args:
        context: what this process works with.
        dataset_id: a version that a worker should look at. It is a hint: a version that is ready,
            unknown or held by another process is left alone.
        stop: returns True once this process has been asked to stop.

    Returns:
        True when the version should be sent again at once.
    """
    if (why := database_shortage(context)) is not None:
        _log.warning("data set %s waits: %s", dataset_id, why)
        return False
    token = new_token()
    taken = context.database.retrying(
        lambda session: versions.take(session, dataset_id, token, context.lease_s)
    )
    if not taken:
        return False
    writer = DatasetWriter(context, dataset_id, token)
    task = LeasedTask(
        name=f"data set {dataset_id}",
        work=lambda: _make(context, writer, stop),
        fail=lambda error: writer.fail(DatasetState.FAILED, str(error)),
        fail_by_defect=lambda: writer.fail(DatasetState.FAILED, DEFECT),
        release=writer.release,
        log_fields={"dataset_id": dataset_id},
    )
    return run_leased(task) is True


def _make(context: ServiceContext, writer: DatasetWriter, stop: Callable[[], bool]) -> bool:
    """Make the version; return True when this process had to stop before the end."""
    with context.database.read() as session:
        dataset = session.get_one(Dataset, writer.dataset_id)
        facts = dataset.facts
    try:
        with open_writer(context, writer):
            if dataset.attempts > _MAX_ATTEMPTS:
                raise SeedbedError(f"Its worker died {_MAX_ATTEMPTS} times while making it.")
            if dataset.is_import:
                writer.continue_from(Written(dataset.row_count, dataset.dropped_count))
            else:
                recipe = VersionRecipe.model_validate(dataset.recipe)
                found = RowMaker(context, writer, recipe, facts["sources"], stop).make()
                facts = {**facts, **found}
            finish(context, writer, facts, stop)
    except Stopped:
        writer.release()
        return True
    except OutOfSpace as full:
        # It stays unfinished, so a sweeper names it again until there is space.
        _log.warning("data set %s waits: %s", writer.dataset_id, full)
        writer.release()
    except LostHold:
        _log.warning("data set %s was lost to another process", writer.dataset_id)
    return False
