"""Exit codes of the command line, and the code that each anticipated failure ends with."""

from enum import IntEnum

import typer

from app.errors import (
    ConfigurationError,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    SeedbedError,
    Unauthenticated,
)


class ExitCode(IntEnum):
    """Exit codes, for scripts."""

    OK = 0
    """Done. For a run: its target was met. For a job: it succeeded."""
    SERVICE_FAILED = 1
    """The service could not be reached, did not start, or failed."""
    BAD_USAGE = 2
    """Wrong options, invalid seeds or settings, or a state or an API key that does not allow the
    request."""
    TARGET_NOT_MET = 3
    """The run ended without meeting its target (dry, failed or cancelled), or the job failed or was
    cancelled."""
    NOT_FOUND = 4
    """Nothing has this id."""
    PAUSED = 5
    """The run is paused until a person acts, such as by setting a valid key; its message says how.
    """
    PARTLY = 6
    """Of several model endpoints only some can be used; a run can start at these."""
    INTERRUPTED = 130
    """Ctrl-C. A run started by this command continues when the command is repeated; a job continues
    by itself."""


EXIT_CODES_HELP = (
    "Exit codes: 0 done; 1 the service failed or could not be reached; 2 wrong options, invalid "
    "input or API key; 3 the run ended without meeting its target, or the job did not succeed; "
    "4 no such id; 5 the run is paused until a person acts; 6 only some of the model endpoints can "
    "be used (doctor); 130 interrupted by Ctrl-C."
)


def exit_code_of(error: SeedbedError) -> ExitCode:
    """Return the exit code for an anticipated failure."""
    match error:
        case NotFound():
            return ExitCode.NOT_FOUND
        case InvalidInput() | ConfigurationError() | Conflict() | Unauthenticated() | Forbidden():
            return ExitCode.BAD_USAGE
        case _:
            return ExitCode.SERVICE_FAILED


def exit_with(code: ExitCode) -> None:
    """End the command.

    Raises:
        typer.Exit: unless `code` is OK.
    """
    if code is not ExitCode.OK:
        raise typer.Exit(code)
