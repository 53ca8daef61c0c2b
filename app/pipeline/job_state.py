"""What a training job can be, and which moves there are."""

from app.pipeline.run_state import Status

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
