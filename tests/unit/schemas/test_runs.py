"""Views of runs: what is left out of them, and what their status means."""

import pytest

from app.schemas.runs import RunView, StageCounts
from app.states import EndReason, Status
from tests.unit.cli.answers import run_json


def view(**fields: object) -> RunView:
    return RunView.model_validate(run_json(**fields))


def test_a_stage_that_names_no_calls_has_none() -> None:
    counts = StageCounts.model_validate({})

    assert set(counts.model_dump().values()) == {0}


@pytest.mark.parametrize("status", Status)
def test_a_run_has_ended_or_rests_by_its_status(status: Status) -> None:
    run = view(status=status)

    assert run.ended == (status in {Status.SUCCEEDED, Status.FAILED, Status.CANCELLED})
    assert run.at_rest == (run.ended or status is Status.PAUSED)


@pytest.mark.parametrize(
    ("status", "reason", "is_met"),
    [
        (Status.SUCCEEDED, EndReason.TARGET_MET, True),
        (Status.SUCCEEDED, None, True),
        (Status.SUCCEEDED, EndReason.DRY, False),
        (Status.FAILED, None, False),
        (Status.RUNNING, None, False),
    ],
)
def test_only_a_run_that_succeeded_for_that_reason_has_met_its_target(
    status: Status, reason: EndReason | None, is_met: bool
) -> None:
    assert view(status=status, end_reason=reason).target_met == is_met
