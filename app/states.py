"""States of runs, jobs, work items, batches and data sets, and the moves allowed between them."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal, TypeAlias


class Status(StrEnum):
    """The status of a run or a training job."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class EndReason(StrEnum):
    """Why a run ended or was paused."""

    TARGET_MET = "target_met"
    DRY = "dry"
    """The model's replies brought nothing acceptable for too long."""
    CANCELLED = "cancelled"
    PROVIDER = "provider"
    """The endpoint refuses requests or is down; the message says what to do."""
    DEFECT = "defect"
    """A defect of the service; resuming by itself would pay for the same calls again."""
    BUDGET = "budget"
    """The next call could exceed a cap."""
    ASKED = "asked"
    """A person paused it."""


class WaitKind(StrEnum):
    """Why a run waits: for its endpoints, or for space on a disk."""

    OUTAGE = "outage"
    """They are down: no connection, no answer in time, or a server error."""
    THROTTLE = "throttle"
    """They answer that too much is asked."""
    LOADING = "loading"
    """They are loading the model."""
    DISK = "disk"
    """The disk of the database is full, or nearly full."""


class ItemState(StrEnum):
    """The state of a work item: one model call that a run needs."""

    OPEN = "open"
    """Waits to be asked."""
    LEASED = "leased"
    """Asked now, by a pump or within a batch."""
    ANSWERED = "answered"
    """Its reply is stored but not admitted yet."""
    DONE = "done"
    DEAD = "dead"
    """Given up after too many unusable replies."""
    REFUSED = "refused"
    """The endpoint refused it too often; it is asked again once the run is resumed."""
    DROPPED = "dropped"
    """Needed no more."""


class BatchState(StrEnum):
    """The state of a batch of model calls at the provider."""

    PLANNED = "planned"
    SUBMITTED = "submitted"
    ENDED = "ended"
    """The provider has ended it; its results are to be read."""
    COLLECTED = "collected"
    REFUSED = "refused"
    """The provider did not take it; nothing of it was asked."""
    LOST = "lost"
    """Its outcome can't be learned any more."""


class DatasetState(StrEnum):
    """The state of a version of a data set."""

    READING = "reading"
    """A file is being imported."""
    QUEUED = "queued"
    MAKING = "making"
    READY = "ready"
    FAILED = "failed"
    DELETED = "deleted"
    """Only its row is left, so that its number is not used again."""


UNFINISHED_DATASETS = frozenset({DatasetState.QUEUED, DatasetState.MAKING})
"""A worker has something to do for a version in these."""

Transitions = Mapping[Status, frozenset[Status]]
"""Where each status may move to."""

RUN_TRANSITIONS: Transitions = {
    Status.QUEUED: frozenset({Status.RUNNING, Status.PAUSED, Status.CANCELLING}),
    Status.RUNNING: frozenset({Status.PAUSED, Status.CANCELLING, Status.SUCCEEDED, Status.FAILED}),
    Status.PAUSED: frozenset({Status.QUEUED, Status.CANCELLING}),
    Status.CANCELLING: frozenset({Status.CANCELLED}),
    Status.CANCELLED: frozenset(),
    Status.SUCCEEDED: frozenset({Status.QUEUED}),
    Status.FAILED: frozenset({Status.QUEUED}),
}

JobKind: TypeAlias = Literal["training", "evaluation"]
"""An evaluation measures a model and trains nothing."""

JOB_TRANSITIONS: Transitions = {
    # Straight to failed: the run that was to make its data set brought none.
    Status.QUEUED: frozenset({Status.RUNNING, Status.CANCELLED, Status.FAILED}),
    # Back to queued: its worker was asked to stop, and another resumes from the checkpoint.
    Status.RUNNING: frozenset({Status.QUEUED, Status.CANCELLING, Status.SUCCEEDED, Status.FAILED}),
    Status.CANCELLING: frozenset({Status.CANCELLED}),
    # The checkpoint is still there, so a person may resume it.
    Status.CANCELLED: frozenset({Status.QUEUED}),
    Status.FAILED: frozenset({Status.QUEUED}),
    Status.SUCCEEDED: frozenset(),
}

WORKABLE = frozenset({Status.QUEUED, Status.RUNNING, Status.CANCELLING})
"""A worker has something to do for a run or a job in these."""
FINAL = frozenset({Status.CANCELLED, Status.SUCCEEDED, Status.FAILED})
"""A run or a job in these has ended."""


def sources_of(transitions: Transitions, target: Status) -> frozenset[Status]:
    """Return the statuses that may move to `target`: the guard of the UPDATE that moves it."""
    return frozenset(source for source, targets in transitions.items() if target in targets)
