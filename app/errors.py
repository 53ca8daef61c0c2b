"""Everything that can be expected to go wrong, as one tree.

SeedbedError
├── InvalidInput              what the user sent breaks a rule; carries every fault found
├── NotFound                  no such thing
├── Conflict                  it exists, but its state does not allow this
├── Unauthenticated           it needs an API key, and none that is good came with it
├── Forbidden                 this caller may not do it
├── ConfigurationError        the service was started with settings that cannot work
├── StackError                a part of the embedded stack did not start or died
├── OutOfSpace                the disk is full; nothing half-written is left
├── HubTrouble                the Hugging Face hub refused or did not answer
├── TrainingTrouble           tuning cannot go on; the last good checkpoint is kept
│   ├── MemoryTooSmall        the model, or a batch of rows, does not fit
│   └── LossNotFinite         the loss is no number any more
└── ProviderTrouble           the model endpoint; four kinds, see app/llm/trouble.py
    ├── Throttled             slow down and ask again; no attempt is burnt
    ├── Outage                the endpoint is away; no attempt is burnt while it is
    ├── ItemTrouble           this one request cannot be answered; burns an attempt
    └── RunTrouble            no request of this run can be answered until a person acts
        └── ParameterTrouble  the endpoint refuses a parameter that all its like carry

Rejected data is not here: a reply that breaks a rule is a value (`pipeline.types.Rejected`).
A defect is not here either: it keeps its own exception and is logged once, at the edge.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class SeedbedError(Exception):
    """An anticipated failure; its text may be shown to the user."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with the user's input: where it is and what would be right."""

    message: str
    line: int | None = None
    """1-based line of the posted text, where the input had lines."""
    field: str | None = None
    """Path of the field, such as ``instances[0].output``."""

    def __str__(self) -> str:
        """Say it in one line, for a terminal or a log."""
        where = [f"line {self.line}"] if self.line is not None else []
        where += [self.field] if self.field else []
        return ": ".join([*where, self.message])


def fault_words(found: Mapping[str, Any]) -> str:
    """What pydantic found wrong (one of its errors), in words for those who do not know it."""
    if found["type"] == "extra_forbidden":
        return "there is nothing of this name"
    return str(found["msg"]).removeprefix("Value error, ")


def field_path(location: Sequence[int | str]) -> str | None:
    """Return the path of a field, such as ``instances[0].output``; None for the whole input.

    Args:
        location: Names and 0-based indexes, as pydantic gives them.
    """
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return path.removeprefix(".") or None


class InvalidInput(SeedbedError):
    """What was sent breaks a rule; nothing of it was stored."""

    def __init__(self, message: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)


class NotFound(SeedbedError):
    """There is no such thing."""

    def __init__(self, kind: str, identifier: str) -> None:
        super().__init__(f"There is no {kind} with the id {identifier!r}.")
        self.kind = kind
        self.identifier = identifier


class Conflict(SeedbedError):
    """It exists, but what it is now does not allow this."""


class Unauthenticated(SeedbedError):
    """It needs an API key, and none came with it, or one that is not known or was revoked."""


class Forbidden(SeedbedError):
    """This caller may not do it: the key's scopes do not allow it, or there is no key at all."""


class ConfigurationError(SeedbedError):
    """The service was started with settings that cannot work; says which one to change."""


class StackError(SeedbedError):
    """A part of the embedded stack did not start or died; says which, and where its log is."""


class OutOfSpace(SeedbedError):
    """The disk is full, or a quota is; what was being written is gone, what was there is whole."""


class HubTrouble(SeedbedError):
    """The Hugging Face hub refused what was asked, or is away; says what to do."""


class TrainingTrouble(SeedbedError):
    """Tuning cannot go on; says why, and what was kept is whole."""


class MemoryTooSmall(TrainingTrouble):
    """The model, or a batch of rows, does not fit into the memory; says the numbers."""


class LossNotFinite(TrainingTrouble):
    """The loss is no number any more; the weights of the last good checkpoint are kept."""


class ProviderTrouble(SeedbedError):
    """The model endpoint did not give a usable answer; the text is the provider's own words."""

    may_be_paid = False
    """Whether the provider may charge for the call all the same: it began to answer, or nobody
    knows."""


class Throttled(ProviderTrouble):
    """Too many requests: all callers wait `retry_after_s`, then fewer are kept in the air."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Outage(ProviderTrouble):
    """The endpoint is away: refused, cut off, timed out or answering 5xx."""


class ItemTrouble(ProviderTrouble):
    """This request cannot be answered: too long, filtered, or an answer that is no answer."""


class RunTrouble(ProviderTrouble):
    """Nothing can be answered until a person acts: wrong key, no quota, unknown model."""


class ParameterTrouble(RunTrouble):
    """The endpoint refuses a parameter, not the text: every request like it is refused too."""
