"""A worker whose fence is taken out: ``celery -A tests.faults.unfenced worker``. For one test only.

It records under a token whatever comes back, whether that token still holds the work or not, as a
worker would that slept past its lease and knows nothing of it. What is replaced here is the fence,
and all of it; when the fence moves, this file moves with it.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from app.store.work import work_items
from app.store.work.work_items import Standing
from workers.celery_app import celery

__all__ = ["celery"]


def _all_ours(_session: Session, item_ids: Sequence[int], _token: str) -> Mapping[int, Standing]:
    return dict.fromkeys(item_ids, Standing.OURS)


assert work_items.standings.__doc__ is not None
assert work_items.standings.__doc__.startswith("The fence"), "the fence is somewhere else now"
work_items.standings = _all_ours  # type: ignore[assignment]  # a function is no place to assign to
