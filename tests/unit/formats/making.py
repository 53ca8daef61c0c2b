"""Records made up for the tests of formats, and how they are written and read in memory."""

import io
from collections.abc import Iterable

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from app.dataset_row import Exchange, Record, Unreadable
from app.formats.formats import Format
from app.formats.options import READ_PLAINLY, WRITTEN_PLAINLY, ReadOptions, WriteOptions

# Everything a database holds: no surrogates, no NUL. Odd white space and line ends are drawn often.
_ODD = ["\r", "\n", "\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\ufeff", "\u00a0",
        " ", "\t", '"', "\\", ",", "'", "{", "}", "[", "]", "é", "漢", "\U0001f331"]  # fmt: skip
_CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
TEXTS = st.text(st.sampled_from(_ODD) | _CHARACTERS, max_size=10)
EXCHANGES = st.lists(st.builds(Exchange, TEXTS, TEXTS), max_size=2).map(tuple)
RECORDS = st.lists(
    st.builds(Record, TEXTS, TEXTS, TEXTS, TEXTS, EXCHANGES, st.sampled_from([None, True, False])),
    max_size=4,
)

# How long a test takes is no fault of what it tests.
unhurried = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])

GOLDEN = (
    Record("Name a colour.", "Blue."),
    Record("When does it leave?", "At 10:30.", "Train: 10:30, platform 2"),
    Record('Say "hi",\nthen stop.', "你好 — \u2028 \U0001f331", "a\r\nb\\c"),
    Record("Answer nothing.", ""),
)
CHATS = (
    Record("And a third?", "Red.", "Not blue.", "Be brief.", (Exchange("One?", "Blue."),)),
    Record("Two turns.", "Yes.", history=(Exchange("a", "b"), Exchange("c", "d"))),
)


def as_bytes(
    format_: Format, records: Iterable[Record], options: WriteOptions = WRITTEN_PLAINLY
) -> bytes:
    sink = io.BytesIO()
    format_.write(records, sink, options)
    return sink.getvalue()


def read(
    format_: Format, data: bytes, options: ReadOptions = READ_PLAINLY
) -> list[Record | Unreadable]:
    return list(format_.read(io.BytesIO(data), options))


def reasons(rows: Iterable[Record | Unreadable]) -> list[str | None]:
    """The reason of each row, None for a record."""
    return [row.reason if isinstance(row, Unreadable) else None for row in rows]
