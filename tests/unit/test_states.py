"""What a run can be, and which moves there are between."""

import pytest

from app.states import FINAL, TRANSITIONS, WORKABLE, Status, sources_of


def reachable_from(start: Status) -> set[Status]:
    seen, new = {start}, {start}
    while new := {target for status in new for target in TRANSITIONS[status]} - seen:
        seen |= new
    return seen


def test_every_status_has_its_row() -> None:
    assert set(TRANSITIONS) == set(Status)


def test_every_status_can_be_reached_from_queued() -> None:
    assert reachable_from(Status.QUEUED) == set(Status)


def test_a_run_that_was_cancelled_moves_no_more() -> None:
    assert TRANSITIONS[Status.CANCELLED] == frozenset()


@pytest.mark.parametrize("status", [Status.FAILED, Status.SUCCEEDED])
def test_a_run_that_has_ended_can_only_be_queued_again(status: Status) -> None:
    assert TRANSITIONS[status] == {Status.QUEUED}


def test_a_final_status_is_one_that_no_worker_leaves() -> None:
    assert {s for s in Status if TRANSITIONS[s] <= {Status.QUEUED}} == FINAL


@pytest.mark.parametrize("status", sorted(set(Status) - FINAL))
def test_every_status_that_is_not_final_can_be_cancelled_to_the_end(status: Status) -> None:
    assert Status.CANCELLED in reachable_from(status)
    assert Status.CANCELLING in TRANSITIONS[status] or status is Status.CANCELLING


def test_a_run_that_is_being_cancelled_only_becomes_cancelled() -> None:
    assert TRANSITIONS[Status.CANCELLING] == {Status.CANCELLED}


def test_a_paused_run_goes_on_by_way_of_the_queue() -> None:
    assert Status.RUNNING not in TRANSITIONS[Status.PAUSED]
    assert Status.QUEUED in TRANSITIONS[Status.PAUSED]


def test_only_a_running_run_succeeds_or_fails() -> None:
    assert sources_of(Status.SUCCEEDED) == sources_of(Status.FAILED) == {Status.RUNNING}


def test_no_status_moves_to_itself() -> None:
    assert [status for status in Status if status in TRANSITIONS[status]] == []


def test_a_worker_has_something_to_do_unless_a_run_waits_or_is_over() -> None:
    assert WORKABLE | FINAL | {Status.PAUSED} == set(Status)
    assert not WORKABLE & FINAL


@pytest.mark.parametrize("target", list(Status))
def test_the_sources_of_a_status_are_those_that_move_to_it(target: Status) -> None:
    assert sources_of(target) == {s for s in Status if target in TRANSITIONS[s]}
