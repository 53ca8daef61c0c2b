"""Making versions: one is taken under a lease, made from beginning to end, and let go."""

import logging
from collections.abc import Callable, Sequence

from app.errors import SeedbedError
from app.services.context import ServiceContext
from app.services.datasets.finish import finish
from app.services.datasets.importing import bury_broken_imports
from app.services.datasets.mix import Making
from app.services.datasets.recipe import VersionRecipe
from app.services.datasets.write import LostHold, Stopped, held, new_token
from app.store.database import AWAY
from app.store.datasets import versions
from app.store.datasets.versions import Written
from app.store.tables.datasets import Dataset

_log = logging.getLogger(__name__)
_MOST_ATTEMPTS = 3
_NUDGE_AGAIN_S = 5.0


def sweep_datasets(context: ServiceContext) -> Sequence[str]:
    """Name the versions that a worker should look at now; any number of sweepers may do so."""
    bury_broken_imports(context)
    with context.database.read() as session:
        waiting = versions.waiting(session, _NUDGE_AGAIN_S)
    if waiting:
        context.database.retrying(lambda session: versions.note_nudged(session, waiting))
    return waiting


def make_dataset(context: ServiceContext, dataset_id: str, stop: Callable[[], bool]) -> bool:
    """Make a version from beginning to end; safe to repeat and to call from anywhere at once.

    Args:
        context: what this process works with.
        dataset_id: a version that somebody should look at. It is a hint: one that is ready, held
            by another or unknown is left alone.
        stop: whether this process has been asked to end.

    Returns whether it should be sent again at once. How it failed stands in its row; a defect is
    logged here.
    """
    token = new_token()
    taken = context.database.retrying(
        lambda session: versions.take(session, dataset_id, token, context.lease_s)
    )
    if not taken:
        return False
    try:
        _make(context, dataset_id, token, stop)
    except Stopped:
        return True
    except LostHold:
        _log.warning("data set %s is another's by now", dataset_id)
    except SeedbedError as error:
        _log.warning("data set %s failed: %s", dataset_id, error)
    except AWAY:
        # Whoever looks next begins anew.
        raise
    except Exception:  # noqa: BLE001 - the edge of a worker, logged here once with its data set
        _log.exception("data set %s failed: a defect of the service", dataset_id)
    return False


def _make(context: ServiceContext, dataset_id: str, token: str, stop: Callable[[], bool]) -> None:
    with context.database.read() as session:
        dataset = session.get_one(Dataset, dataset_id)
        facts = dict(dataset.facts)
    with held(context, dataset_id, token) as writer:
        if dataset.attempts > _MOST_ATTEMPTS:
            raise SeedbedError(f"Its making ended {_MOST_ATTEMPTS} times without a word.")
        if dataset.is_import:
            writer.found(Written(dataset.row_count, dataset.dropped_count))
        else:
            recipe = VersionRecipe.model_validate(dataset.recipe)
            facts |= Making(context, writer, recipe, facts["sources"], stop).make()
        finish(context, writer, facts, stop)
