"""Limits of reading: how large a file may become, and in which shape, before it is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

from app.errors import Fault, InvalidInput, TooLarge

_MEBIBYTE = 1024 * 1024
BYTES_PER_VALUE = 16
"""Counted for each value of a binary format beside its text, about as much as in a text format."""
MOST_EMPTY_LINES = 1_000_000
"""More empty lines than rows that a file may have."""

LimitName: TypeAlias = Literal[
    "decoded_bytes", "ratio", "rows", "row_bytes", "columns", "nesting", "unreadable_rows"
]
SETTINGS: Mapping[LimitName, str] = MappingProxyType(
    {
        "decoded_bytes": "SEEDBED_IMPORT_MAX_DECODED_MIB",
        "ratio": "SEEDBED_IMPORT_MAX_RATIO",
        "rows": "SEEDBED_IMPORT_MAX_ROWS",
        "row_bytes": "SEEDBED_IMPORT_MAX_ROW_MIB",
        "columns": "SEEDBED_IMPORT_MAX_COLUMNS",
        "nesting": "SEEDBED_IMPORT_MAX_NESTING",
        "unreadable_rows": "SEEDBED_IMPORT_MAX_UNREADABLE_ROWS",
    }
)
"""The setting of each limit, which messages name."""


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """The limits of one file. The defaults are those of the settings."""

    decoded_bytes: int = 8192 * _MEBIBYTE
    """Size that a file decodes to: unpacked, and with each value of a dictionary at each place."""
    ratio: int = 100
    """Decoded size as a multiple of the size of the file, above `any_ratio_bytes`."""
    any_ratio_bytes: int = 64 * _MEBIBYTE
    """Decoded size allowed at any ratio: small files often repeat themselves."""
    rows: int = 10_000_000
    row_bytes: int = 16 * _MEBIBYTE
    """Size of one row; larger rows are not read, which bounds the memory."""
    columns: int = 1_000
    nesting: int = 100
    """Levels of lists and objects within a row."""
    unreadable_rows: int = 100_000
    """Rows that can be skipped; each one is kept with its reason."""

    def refuse_rows(self, rows: int) -> None:
        """Check the number of rows.

        Raises:
            TooLarge: it is above the limit.
        """
        if rows > self.rows:
            raise beyond(f"it has more than {self.rows:,} rows", "rows")

    def refuse_columns(self, columns: int) -> None:
        """Check the number of columns of a header.

        Raises:
            InvalidInput: it is above the limit.
        """
        if columns > self.columns:
            what = f"it has {columns:,} columns; at most {self.columns:,} are read"
            fault = Fault(with_setting(what, "columns"))
            raise InvalidInput("The file has too many columns.", [fault])

    def refuse_empty_lines(self, empty: int, rows: int) -> None:
        """Check the number of empty lines, of which a person's file has few.

        Raises:
            TooLarge: there are many more of them than rows.
        """
        if empty > rows + MOST_EMPTY_LINES:
            raise TooLarge(
                "The file is too large.",
                [Fault(f"it has {empty:,} empty lines and {rows:,} rows")],
            )


DEFAULT_LIMITS = ReadLimits()


class DecodedBytes:
    """Counts what a file decodes to, and stops it at the limits.

    Args:
        limits: the limits of the file.
        size: the size of the file itself, in bytes.
    """

    def __init__(self, limits: ReadLimits, size: int) -> None:
        self._limits = limits
        self._size = size
        self._by_ratio = max(limits.any_ratio_bytes, limits.ratio * size)
        self._most = min(limits.decoded_bytes, self._by_ratio)
        self._total = 0

    def add(self, count: int) -> None:
        """Count some more bytes.

        Raises:
            TooLarge: they are above a limit.
        """
        self._total += count
        self.refuse(self._total)

    def refuse(self, total: int) -> None:
        """Check a number of bytes that the file would decode to.

        Raises:
            TooLarge: it is above a limit.
        """
        if total <= self._most:
            return
        if self._most == self._limits.decoded_bytes:
            raise beyond(f"it decodes to more than {self._most:,} bytes", "decoded_bytes")
        what = f"it has {self._size:,} bytes and decodes to more than {self._most:,}"
        raise beyond(f"{what}, over {self._limits.ratio} times as many", "ratio")


def beyond(what: str, limit: LimitName) -> TooLarge:
    """Return the error for a file beyond a limit: says what it has, and which setting allows it."""
    return TooLarge("The file is too large.", [Fault(with_setting(what, limit))])


def with_setting(what: str, limit: LimitName) -> str:
    """Add the name of the limit's setting to a message."""
    return f"{what} ({SETTINGS[limit]})"
