"""How a command ends: the exit codes, and which failure ends with which."""

from enum import IntEnum

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
    """What a script can tell from how a command ended."""

    OK = 0
    """Done; of a run: its target was met; of a job: it succeeded."""
    SERVICE_FAILED = 1
    """The service could not be reached, did not start, or failed."""
    BAD_USAGE = 2
    """Wrong options, invalid seeds or settings, or a state or an API key that does not allow what
    was asked."""
    TARGET_NOT_MET = 3
    """The run ended without meeting its target: dry, failed or cancelled; or the job failed or was
    cancelled."""
    NOT_FOUND = 4
    """There is nothing with that id."""
    PAUSED = 5
    """The run waits for a person, such as for a valid key; its message says for what."""
    INTERRUPTED = 130
    """Ctrl-C; a run started here goes on when the same command is given again, a job by itself."""


def exit_code_of(error: SeedbedError) -> ExitCode:
    """The exit code for an anticipated failure."""
    match error:
        case NotFound():
            return ExitCode.NOT_FOUND
        case InvalidInput() | ConfigurationError() | Conflict() | Unauthenticated() | Forbidden():
            return ExitCode.BAD_USAGE
        case _:
            return ExitCode.SERVICE_FAILED


EXIT_CODES_HELP = (
    "Exit codes: 0 done, 1 the service or the stack failed, 2 bad usage, invalid input or API key, "
    "3 the run ended without meeting its target, or the job did not succeed, 4 no such id, 5 the "
    "run is paused and waits for a person, 130 interrupted."
)
