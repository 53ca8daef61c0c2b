"""Everything that is expected to go wrong, as one tree.

SeedbedError
├── InvalidInput              the input breaks a rule; carries every fault found
│   ├── TooLong               a prompt leaves no tokens for an answer
│   ├── RowRefused            a model's chat template does not take a row
│   ├── UnsupportedEncoding   a body is compressed, and this address reads none that is
│   └── TooLarge              it, or what it decodes to, is over a limit of size
├── NotFound                  there is no such thing
│   └── UnknownModel          no model of this name is served
├── Conflict                  it exists, but its state does not allow the request
├── Busy                      too many of the same kind at once; try again later
├── Unauthenticated           an API key is needed, and no valid one was sent
├── Forbidden                 the caller is not allowed to do it
├── ConfigurationError        the service was started with settings that cannot work
├── StackError                a process of the embedded stack does not start, or not again
├── ServiceUnreachable        the command line cannot reach the service
├── OutOfSpace                the disk is full; no half-written file is left
│   └── DatabaseFull          the disk of the database is full; nothing of the change was stored
├── HubError                  the Hugging Face Hub refused, or did not answer
├── TrainingError             the training cannot continue; the last good checkpoint is kept
│   ├── MemoryTooSmall        the model, or a batch of rows, does not fit into memory
│   └── LossNotFinite         the loss is infinite or not a number
└── ProviderError             the model endpoint; four kinds, see app/llm/classify_errors.py
    ├── Throttled             rate limit: slow down and retry; no attempt is used up
    ├── Outage                the endpoint is down; no attempt is used up while it is
    ├── ItemError             this one request cannot be answered; uses up an attempt
    │   ├── NoAnswer          a reply with nothing in it; many in a row pause the run
    │   ├── NoText            a model's reply without text; many in a row pause the run
    │   ├── TextFiltered      the provider's filter refuses this text
    │   └── ContextExceeded   the prompt is longer than the model's context
    └── RunError              no request of the run can be answered until a person acts
        ├── BatchApiError     the endpoint can't be asked by batch; normal calls still work
        └── ParameterError    the endpoint refuses a parameter that all requests share

A rejected reply is not here: a reply that breaks a rule is a value (`pipeline.types.Rejected`).
A bug is not here either: it keeps its own exception and is logged once, at the entry point.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class SeedbedError(Exception):
    """An expected failure; its text may be shown to the user."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule that the user's input breaks, and where."""

    message: str
    line: int | None = None
    """1-based line of the input, where the input has lines."""
    field: str | None = None
    """Path of the field, such as ``instances[0].output``."""
    row: int | None = None
    """1-based row of the input, where its rows are not lines."""

    def __str__(self) -> str:
        """Format the fault as one line, for a terminal or a log."""
        where = [f"line {self.line}"] if self.line is not None else []
        where += [f"row {self.row}"] if self.row is not None else []
        where += [self.field] if self.field else []
        return ": ".join([*where, self.message])


def fault_message(found: Mapping[str, Any]) -> str:
    """Return the message of one of pydantic's errors, without pydantic's own terms."""
    if found["type"] == "extra_forbidden":
        return "unknown field"
    return str(found["msg"]).removeprefix("Value error, ")


def field_path(location: Sequence[int | str]) -> str | None:
    """Return the path of a field, such as ``instances[0].output``; None for the whole input.

    Args:
        location: Names and 0-based indexes, as pydantic gives them.
    """
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return path.removeprefix(".") or None


def faults_from(errors: Iterable[Mapping[str, Any]]) -> list[Fault]:
    """Return pydantic's errors as faults."""
    return [Fault(fault_message(error), field=field_path(error["loc"])) for error in errors]


class InvalidInput(SeedbedError):
    """The input breaks a rule; nothing was stored."""

    def __init__(self, message: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)


class TooLong(InvalidInput):
    """The prompt leaves no tokens for an answer."""


class RowRefused(InvalidInput):
    """A model's chat template does not take a row."""

    def __init__(self, why: str) -> None:
        fault = Fault(f"{why}; the template 'alpaca' takes all rows", field="data.template")
        super().__init__("The base model's chat template does not take a row.", [fault])
        self.why = why


class UnsupportedEncoding(InvalidInput):
    """A request's body is compressed, and this address reads only bodies that are not."""


class TooLarge(InvalidInput):
    """The input, or what it decodes to, is over a limit of size; the text has the number."""


class NotFound(SeedbedError):
    """There is no such thing."""

    def __init__(self, kind: str, identifier: str) -> None:
        super().__init__(f"There is no {kind} with the id {identifier!r}.")
        self.kind = kind
        self.identifier = identifier


class UnknownModel(NotFound):
    """No model of this name is served."""

    def __init__(self, model: str, served: Iterable[str]) -> None:
        super().__init__("model", model)
        self.args = (f"There is no model {model!r}; this server has {', '.join(served)}.",)


class Conflict(SeedbedError):
    """It exists, but its state does not allow the request."""


class Busy(SeedbedError):
    """There is too much of the same work at once: try again after `retry_after_s` seconds."""

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Unauthenticated(SeedbedError):
    """An API key is needed, and none was sent, or one that is unknown or revoked."""


class Forbidden(SeedbedError):
    """The caller is not allowed to do it: the key's scopes do not allow it, or there is no key."""


class ConfigurationError(SeedbedError):
    """The service was started with settings that cannot work; names the one to change."""


class StackError(SeedbedError):
    """A process of the embedded stack does not start, or not again; names it and its log file."""


class ServiceUnreachable(SeedbedError):
    """The service cannot be reached, or the connection broke; a retry may help."""


class OutOfSpace(SeedbedError):
    """The disk, or a quota, is full; the unfinished file is removed, earlier files are intact."""


class DatabaseFull(OutOfSpace):
    """The database can't write, for lack of space; the transaction changed nothing."""


class HubError(SeedbedError):
    """The Hugging Face Hub refused the request, or is down; says what to do."""


class TrainingError(SeedbedError):
    """The training cannot continue; says why. Checkpoints stay intact."""


class MemoryTooSmall(TrainingError):
    """The model, or a batch of rows, does not fit into memory; names the sizes."""


class LossNotFinite(TrainingError):
    """The loss is infinite or not a number; the weights of the last good checkpoint are kept."""


class ProviderError(SeedbedError):
    """The model endpoint gave no usable answer; the text quotes the provider."""

    usage: tuple[int, int] | None = None
    """Prompt and completion tokens that the endpoint reported all the same; None: it did not."""
    may_be_paid = False
    """True when the provider may charge for the call all the same: it had begun to answer, or its
    outcome is unknown."""
    status = 0
    """HTTP status of the reply; 0 where there was none."""
    retry_after_s: float | None = None
    """The wait in seconds that the endpoint asks for; None: it did not say."""


class Throttled(ProviderError):
    """Too many requests: all callers wait `retry_after_s`, then fewer calls are in flight."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Outage(ProviderError):
    """The endpoint is down: connection refused or broken, timeout, or status 5xx."""


class ItemError(ProviderError):
    """This request cannot be answered: it is too long or filtered, or the reply is unusable."""


class NoAnswer(ItemError):
    """A reply with nothing in it, so no model has sent it; it may be so for all requests."""


class NoText(ItemError):
    """A model's reply without text; in one reply it may be about the request, in many it is not."""


class TextFiltered(ItemError):
    """The provider's filter refuses this text; it says nothing about other requests."""


class ContextExceeded(ItemError):
    """The prompt, with the answer that it asks for, is longer than the model's context."""


class RunError(ProviderError):
    """No request can be answered until a person acts: wrong key, no quota, unknown model."""


class BatchApiError(RunError):
    """The endpoint can't be asked by batch, or knows a batch no more; normal calls still work."""


class ParameterError(RunError):
    """The endpoint refuses a parameter, not the text, so it refuses every request with it."""

    def __init__(
        self, message: str, parameter: str | None = None, keyword: str | None = None
    ) -> None:
        """Name the refused parameter.

        Args:
            message: The text for a person.
            parameter: Its name as it was sent, such as ``top_p``; ``system``: the system message.
                None: the endpoint does not name it.
            keyword: The refused keyword of the JSON schema, such as ``maxItems``; None: none.
        """
        super().__init__(message)
        self.parameter = parameter
        self.keyword = keyword
