"""Filters: each keeps a record, changes it, or drops it for a named reason."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from app.dataset_row import Record

_LONGEST_DETAIL = 200


@dataclass(frozen=True, slots=True)
class Dropped:
    """A record was dropped."""

    reason: str
    """One of the filter's reasons; no two filters share one."""
    detail: str = ""
    """The finding in words or as a quotation; at most 200 characters."""

    def __post_init__(self) -> None:
        # A quotation may be of any length, and reasons are stored with every dropped row.
        object.__setattr__(self, "detail", self.detail[:_LONGEST_DETAIL])


Apply: TypeAlias = Callable[[Record], Record | Dropped]


@dataclass(frozen=True, slots=True)
class Filter:
    """A rule on single records.

    `apply` returns the record it was given where nothing is wrong, another one where it mended it,
    or why it is dropped. It never raises, whatever the texts are.
    """

    name: str
    """Also the name of its option."""
    about: str
    """A sentence for the user on what it does."""
    reasons: tuple[str, ...]
    """The reasons for which it drops records."""
    apply: Apply
    change: str | None = None
    """The reason under which a changed row is reported; None: it changes nothing."""
    on: bool = True
    """True: it is applied by default."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A record was kept."""

    record: Record
    """As the filters left it."""
    changes: tuple[str, ...] = ()
    """The reasons for which filters changed it, each once, in order."""


def screen(record: Record, filters: Iterable[Filter]) -> Kept | Dropped:
    """Apply filters to a record in order; the first that drops it decides."""
    changes: list[str] = []
    for each in filters:
        answer = each.apply(record)
        if isinstance(answer, Dropped):
            return answer
        if answer is not record:
            record = answer
            changes.append(each.change or each.name)
    return Kept(record, tuple(dict.fromkeys(changes)))
