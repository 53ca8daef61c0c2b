"""States of runs and training jobs, and the moves allowed between them."""

from enum import StrEnum
from typing import Literal, TypeAlias


class Status(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class EndReason(StrEnum):
    """Why a run ended, or why it waits."""

    TARGET_MET = "target_met"
    DRY = "dry"
    """The model's replies stopped yielding anything that passes."""
    CANCELLED = "cancelled"
    PROVIDER = "provider"
    """The endpoint refuses or is away; the message says what to do."""
    DEFECT = "defect"
    """The service itself failed on it; going on by itself would pay for the same calls again."""
    BUDGET = "budget"
    """The next call could go over a cap."""
    ASKED = "asked"
    """A person paused it."""


TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.QUEUED: frozenset({Status.RUNNING, Status.PAUSED, Status.CANCELLING}),
    Status.RUNNING: frozenset({Status.PAUSED, Status.CANCELLING, Status.SUCCEEDED, Status.FAILED}),
    Status.PAUSED: frozenset({Status.QUEUED, Status.CANCELLING}),
    Status.CANCELLING: frozenset({Status.CANCELLED}),
    Status.CANCELLED: frozenset(),
    Status.SUCCEEDED: frozenset({Status.QUEUED}),
    Status.FAILED: frozenset({Status.QUEUED}),
}

WORKABLE = frozenset({Status.QUEUED, Status.RUNNING, Status.CANCELLING})
"""In these a worker has something to do."""
FINAL = frozenset({Status.CANCELLED, Status.SUCCEEDED, Status.FAILED})
"""In these the data set grows no more."""


def sources_of(target: Status) -> frozenset[Status]:
    """From where a run may move to `target`: the guard of the UPDATE that moves it."""
    return frozenset(source for source, targets in TRANSITIONS.items() if target in targets)


JobKind: TypeAlias = Literal["training", "evaluation"]
"""An evaluation measures a model and trains nothing."""

JOB_TRANSITIONS: dict[Status, frozenset[Status]] = {
    # Straight to failed: the run that was to bring its rows did not.
    Status.QUEUED: frozenset({Status.RUNNING, Status.CANCELLED, Status.FAILED}),
    # Back to queued: its worker was asked to end, and another goes on from the checkpoint.
    Status.RUNNING: frozenset({Status.QUEUED, Status.CANCELLING, Status.SUCCEEDED, Status.FAILED}),
    Status.CANCELLING: frozenset({Status.CANCELLED}),
    # What was learnt is still in the checkpoint, so a person may have it go on.
    Status.CANCELLED: frozenset({Status.QUEUED}),
    Status.FAILED: frozenset({Status.QUEUED}),
    Status.SUCCEEDED: frozenset(),
}

WORKABLE_JOBS = frozenset({Status.QUEUED, Status.RUNNING, Status.CANCELLING})
"""In these a worker has something to do."""
FINAL_JOBS = frozenset({Status.CANCELLED, Status.SUCCEEDED, Status.FAILED})


def job_sources_of(target: Status) -> frozenset[Status]:
    """From where a job may move to `target`: the guard of the UPDATE that moves it."""
    return frozenset(source for source, targets in JOB_TRANSITIONS.items() if target in targets)
