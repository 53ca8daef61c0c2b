"""Columns that were passed over: their names, and in how many rows they held something.

What a reader has no place for is never left out in silence: an import lists these columns.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Set

_MOST_NAMES = 100
_LONGEST_NAME = 100
OTHERS = "(other columns)"
"""Stands for all columns after the first hundred, so that memory does not grow with the file."""


class PassedOver:
    """Counts the columns that were passed over, row by row."""

    def __init__(self) -> None:
        self._rows: Counter[str] = Counter()

    @property
    def rows(self) -> Mapping[str, int]:
        """Rows in which a column held something, by its name; the most frequent first."""
        return dict(self._rows.most_common())

    def add(self, names: Iterable[str], rows: int = 1) -> None:
        """Count columns that were passed over in one row, or in `rows` rows."""
        for name in {self._known(name[:_LONGEST_NAME]) for name in names}:
            self._rows[name] += rows

    def _known(self, name: str) -> str:
        return name if name in self._rows or len(self._rows) < _MOST_NAMES else OTHERS


def has_something(value: object) -> bool:
    """Return True when a cell is neither null nor an empty text, list or object."""
    return value is not None and value not in ("", [], {})


def filled(row: Mapping[str, object], read: Set[str]) -> Iterable[str]:
    """Yield the columns of a row that hold something and are not among those read."""
    return (name for name in row.keys() - read if has_something(row[name]))
