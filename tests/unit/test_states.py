"""The states of runs, jobs, work items, batches and data sets, and the moves between them."""

import pytest

from app.states import (
    FINAL,
    JOB_TRANSITIONS,
    RUN_TRANSITIONS,
    UNFINISHED_DATASETS,
    WORKABLE,
    BatchState,
    DatasetState,
    ItemState,
    Status,
    Transitions,
    sources_of,
)


def reachable_from(start: Status) -> set[Status]:
    seen, new = {start}, {start}
    while new := {target for status in new for target in RUN_TRANSITIONS[status]} - seen:
        seen |= new
    return seen


def test_every_status_has_its_row() -> None:
    assert set(RUN_TRANSITIONS) == set(Status)


def test_every_status_can_be_reached_from_queued() -> None:
    assert reachable_from(Status.QUEUED) == set(Status)


def test_a_run_that_was_cancelled_moves_no_more() -> None:
    assert RUN_TRANSITIONS[Status.CANCELLED] == frozenset()


@pytest.mark.parametrize("status", [Status.FAILED, Status.SUCCEEDED])
def test_a_run_that_has_ended_can_only_be_queued_again(status: Status) -> None:
    assert RUN_TRANSITIONS[status] == {Status.QUEUED}


def test_a_final_status_is_one_that_no_worker_leaves() -> None:
    assert {s for s in Status if RUN_TRANSITIONS[s] <= {Status.QUEUED}} == FINAL


@pytest.mark.parametrize("status", sorted(set(Status) - FINAL))
def test_every_status_that_is_not_final_can_be_cancelled_to_the_end(status: Status) -> None:
    assert Status.CANCELLED in reachable_from(status)
    assert Status.CANCELLING in RUN_TRANSITIONS[status] or status is Status.CANCELLING


def test_a_run_that_is_being_cancelled_only_becomes_cancelled() -> None:
    assert RUN_TRANSITIONS[Status.CANCELLING] == {Status.CANCELLED}


def test_a_paused_run_goes_on_by_way_of_the_queue() -> None:
    assert Status.RUNNING not in RUN_TRANSITIONS[Status.PAUSED]
    assert Status.QUEUED in RUN_TRANSITIONS[Status.PAUSED]


def test_only_a_running_run_succeeds_or_fails() -> None:
    assert (
        sources_of(RUN_TRANSITIONS, Status.SUCCEEDED)
        == sources_of(RUN_TRANSITIONS, Status.FAILED)
        == {Status.RUNNING}
    )


def test_no_status_moves_to_itself() -> None:
    assert [status for status in Status if status in RUN_TRANSITIONS[status]] == []


def test_a_worker_has_something_to_do_unless_a_run_waits_or_is_over() -> None:
    assert WORKABLE | FINAL | {Status.PAUSED} == set(Status)
    assert not WORKABLE & FINAL


@pytest.mark.parametrize("transitions", [RUN_TRANSITIONS, JOB_TRANSITIONS])
@pytest.mark.parametrize("target", list(Status))
def test_the_sources_of_a_status_are_those_that_move_to_it(
    target: Status, transitions: Transitions
) -> None:
    sources = sources_of(transitions, target)
    assert sources == {s for s in Status if target in transitions.get(s, ())}


def test_a_job_has_every_status_but_paused_and_returns_to_the_queue_unless_it_succeeded() -> None:
    assert set(JOB_TRANSITIONS) == set(Status) - {Status.PAUSED}
    assert sources_of(JOB_TRANSITIONS, Status.QUEUED) == {
        Status.RUNNING,
        Status.CANCELLED,
        Status.FAILED,
    }
    assert JOB_TRANSITIONS[Status.SUCCEEDED] == frozenset()
    assert JOB_TRANSITIONS[Status.CANCELLING] == {Status.CANCELLED}


def test_stored_states_are_the_words_that_indexes_and_old_rows_have() -> None:
    assert [*ItemState] == ["open", "leased", "answered", "done", "dead", "refused", "dropped"]
    assert [*BatchState] == ["planned", "submitted", "ended", "collected", "refused", "lost"]
    assert [*DatasetState] == ["reading", "queued", "making", "ready", "failed", "deleted"]
    assert {"queued", "making"} == UNFINISHED_DATASETS
