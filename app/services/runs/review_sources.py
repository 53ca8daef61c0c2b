"""Sources of review runs: which data sets and profiles go together, and an estimate."""

from sqlalchemy.orm import Session

from app.errors import Fault, InvalidInput
from app.pipeline.options import REVIEW_PROFILES, ProfileName, RunOptions
from app.schemas.runs import RunEstimate
from app.services.context import ServiceContext
from app.services.generation.work.estimate_plan import ReviewingPlan
from app.services.runs.estimate import estimate
from app.states import DatasetState
from app.store.datasets import reviewed_rows
from app.store.ids import may_be_id
from app.store.tables.datasets import Dataset

_SAMPLED_ROWS = 200
"""An estimate measures this many rows: enough for a mean, few enough to be quick."""


def check_source(profile: ProfileName, dataset_id: str | None) -> None:
    """Check that the profile suits the source.

    Raises:
        InvalidInput: when a data set is to be grown, or seeds are to be reviewed.
    """
    reviews_rows = profile in REVIEW_PROFILES
    if dataset_id is not None and not reviews_rows:
        names = " or ".join(f"`{name}`" for name in sorted(REVIEW_PROFILES))
        fault = Fault(f"a data set is reviewed with the profile {names}", field="options.profile")
        raise InvalidInput(f"The profile {profile} grows a data set from seeds.", [fault])
    if dataset_id is None and reviews_rows:
        fault = Fault("name the data set whose rows are to be reviewed", field="dataset_id")
        raise InvalidInput(f"The profile {profile} reviews a data set, not seeds.", [fault])


def ready_to_review(session: Session, dataset_id: str) -> Dataset:
    """Load a version that can be reviewed, and lock it until the transaction ends.

    Raises:
        InvalidInput: when there is none with this id, it is not ready, or has no row.
    """
    found = reviewed_rows.lock_for_reading(session, dataset_id) if may_be_id(dataset_id) else None
    if found is None or found.state == DatasetState.DELETED:
        raise _not_reviewable(f"there is no data set with the id {dataset_id!r}")
    if found.state != DatasetState.READY:
        raise _not_reviewable(f"the data set is {found.state}, not ready")
    if not found.row_count:
        raise _not_reviewable("the data set has no rows")
    return found


def _not_reviewable(why: str) -> InvalidInput:
    return InvalidInput("The data set cannot be reviewed.", [Fault(why, field="dataset_id")])


def estimate_rows(
    session: Session,
    context: ServiceContext,
    options: RunOptions,
    model: str,
    dataset: Dataset,
    *,
    reviewed: int = 0,
) -> RunEstimate:
    """Estimate the review of the rows of a version that are not reviewed yet."""
    sampled = reviewed_rows.spaced_records(session, dataset.id, dataset.row_count, _SAMPLED_ROWS)
    plan = ReviewingPlan(options, model, sampled, missing=dataset.row_count - reviewed)
    return estimate(session, plan, context.prices)
