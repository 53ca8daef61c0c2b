"""Exit codes of failures."""

import pytest
import typer

from app.cli.exits import ExitCode, exit_code_of, exit_with
from app.errors import (
    ConfigurationError,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    OutOfSpace,
    SeedbedError,
    StackError,
    Unauthenticated,
)


def test_what_the_user_can_mend_is_bad_usage() -> None:
    for kind in (InvalidInput, ConfigurationError, Conflict, Unauthenticated, Forbidden):
        assert exit_code_of(kind("no")) == ExitCode.BAD_USAGE


def test_an_unknown_id_has_a_code_of_its_own() -> None:
    assert exit_code_of(NotFound("run", "r1")) == ExitCode.NOT_FOUND


def test_any_other_failure_is_one_of_the_service() -> None:
    for kind in (SeedbedError, StackError, OutOfSpace):
        assert exit_code_of(kind("no")) == ExitCode.SERVICE_FAILED


def test_a_command_ends_with_its_code() -> None:
    exit_with(ExitCode.OK)
    with pytest.raises(typer.Exit) as ended:
        exit_with(ExitCode.PAUSED)
    assert ended.value.exit_code == 5
