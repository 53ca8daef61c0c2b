"""Making versions: one is taken under a lease, made from beginning to end, and let go."""

import logging
from collections.abc import Callable, Sequence

from app.errors import SeedbedError
from app.services.dataset_finishing import finish
from app.services.dataset_importing import bury_broken_imports
from app.services.dataset_mixing import Making
from app.services.dataset_writing import LostHold, Stopped, held, new_token
from app.services.recipes import VersionRecipe
from app.services.workshop import Workshop
from app.store import datasets
from app.store.database import AWAY
from app.store.dataset_table import Dataset
from app.store.datasets import Written

_log = logging.getLogger(__name__)
_MOST_ATTEMPTS = 3
_NUDGE_AGAIN_S = 5.0


def sweep_datasets(workshop: Workshop) -> Sequence[str]:
    """Name the versions that a worker should look at now; any number of sweepers may do so."""
    bury_broken_imports(workshop)
    with workshop.database.read() as session:
        waiting = datasets.waiting(session, _NUDGE_AGAIN_S)
    if waiting:
        workshop.database.retrying(lambda session: datasets.note_nudged(session, waiting))
    return waiting


def make_dataset(workshop: Workshop, dataset_id: str, stop: Callable[[], bool]) -> bool:
    """Make a version from beginning to end; safe to repeat and to call from anywhere at once.

    Args:
        workshop: what this process works with.
        dataset_id: a version that somebody should look at. It is a hint: one that is ready, held
            by another or unknown is left alone.
        stop: whether this process has been asked to end.

    Returns whether it should be sent again at once. How it failed stands in its row; a defect is
    logged here.
    """
    token = new_token()
    taken = workshop.database.retrying(
        lambda session: datasets.take(session, dataset_id, token, workshop.lease_s)
    )
    if not taken:
        return False
    try:
        _make(workshop, dataset_id, token, stop)
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


def _make(workshop: Workshop, dataset_id: str, token: str, stop: Callable[[], bool]) -> None:
    with workshop.database.read() as session:
        dataset = session.get_one(Dataset, dataset_id)
        facts = dict(dataset.facts)
    with held(workshop, dataset_id, token) as writer:
        if dataset.attempts > _MOST_ATTEMPTS:
            raise SeedbedError(f"Its making ended {_MOST_ATTEMPTS} times without a word.")
        if dataset.is_import:
            writer.found(Written(dataset.row_count, dataset.dropped_count))
        else:
            recipe = VersionRecipe.model_validate(dataset.recipe)
            facts |= Making(workshop, writer, recipe, facts["sources"], stop).make()
        finish(workshop, writer, facts, stop)
