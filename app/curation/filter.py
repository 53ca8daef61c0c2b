"""The shape of a filter: a record stays, perhaps mended, or is dropped for a named reason."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from app.record import Record

_LONGEST_DETAIL = 200


@dataclass(frozen=True, slots=True)
class Dropped:
    """A record does not stay."""

    reason: str
    """One of the filter's reasons; no two filters share one."""
    detail: str = ""
    """What was found, in words or as a quotation; at most 200 characters."""

    def __post_init__(self) -> None:
        # A quotation may be of any length, and reasons are stored with every dropped row.
        object.__setattr__(self, "detail", self.detail[:_LONGEST_DETAIL])


Apply: TypeAlias = Callable[[Record], Record | Dropped]


@dataclass(frozen=True, slots=True)
class Filter:
    """One rule on a record by itself.

    `apply` returns the record it was given where nothing is wrong, another one where it mended it,
    or why it is dropped. It never raises, whatever the texts are.
    """

    name: str
    """Also the name of its switch among the options."""
    about: str
    """What it does, in a sentence for the user."""
    reasons: tuple[str, ...]
    """Why it may drop."""
    apply: Apply
    change: str | None = None
    """The reason under which a mended row is told; None: it mends nothing."""
    on: bool = True
    """Whether it is applied unless the user says otherwise."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A record stays."""

    record: Record
    """As the filters left it."""
    changes: tuple[str, ...] = ()
    """The reasons for which filters mended it, each once, in order."""


def screen(record: Record, filters: Iterable[Filter]) -> Kept | Dropped:
    """Put a record through filters in order; the first that drops it decides."""
    changes: list[str] = []
    for each in filters:
        answer = each.apply(record)
        if isinstance(answer, Dropped):
            return answer
        if answer is not record:
            record = answer
            changes.append(each.change or each.name)
    return Kept(record, tuple(dict.fromkeys(changes)))
