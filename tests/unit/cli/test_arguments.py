"""Ids of another kind than the command needs."""

import pytest
from typer.testing import CliRunner

from app.cli.exits import ExitCode
from app.cli.main import app
from tests.unit.cli.stand_in import StandIn


def refused(service: StandIn, *command: str) -> str:
    arguments = [*command, "--api", service.url]
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "300"})
    assert result.exit_code == ExitCode.BAD_USAGE
    assert service.asked == []
    return result.stderr


@pytest.mark.parametrize("command", [("evaluate",), ("datasets", "show"), ("datasets", "delete")])
def test_a_run_in_place_of_a_data_set_is_answered_with_the_command_to_make_one(
    service: StandIn, command: tuple[str, ...]
) -> None:
    message = refused(service, *command, "run_1")
    assert "run_1 is a run, not a data set" in message
    assert "`seedbed datasets make run_1 --name NAME`" in message


def test_a_run_in_place_of_a_data_set_to_train_on_is_answered_with_the_option(
    service: StandIn,
) -> None:
    assert "`seedbed train --run run_1`" in refused(service, "train", "run_1")


@pytest.mark.parametrize("command", ["show", "cancel", "resume", "export"])
def test_a_job_in_place_of_a_run_is_answered_with_the_commands_for_jobs(
    service: StandIn, command: str
) -> None:
    assert "`seedbed jobs show training_1`" in refused(service, command, "training_1")
