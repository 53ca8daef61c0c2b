"""Rows of tables, CSV and Parquet: what the columns of a header mean."""

from collections import Counter
from collections.abc import Callable, Sequence, Set

from app.dataset_row import Record
from app.errors import Fault, InvalidInput
from app.formats.chat.turn_lists import LIST_KEYS, OTHER_LIST_KEYS, TEXTS_KEY
from app.formats.chat.turns import ChatReader
from app.formats.columns import REQUIRED, Columns
from app.formats.options import ReadOptions
from app.formats.prompt_completion import PairReader

_LONGEST_NAME = 100
_PAIR = frozenset(("prompt", "completion"))


def row_reader(
    there: Sequence[str], options: ReadOptions
) -> tuple[Callable[[object], Record], Set[str]]:
    """Return the conversion of a row with these columns, and the columns that it looks at.

    Raises:
        InvalidInput: there are too many columns, one is there twice, or one is missing.
    """
    options.limits.refuse_columns(len(there))
    _refuse_repeated(there)
    if options.columns is None and not set(REQUIRED) <= set(there):
        key = chat_column(there)
        if key is not None:
            chats = ChatReader(options, first=key)
            return chats.record, chats.looked_at(key)
        if set(there) >= _PAIR:
            pairs = PairReader(options)
            return pairs.record, pairs.columns.looked_at | {"system"}
    columns = Columns(options)
    columns.refuse_if_not_among(there)
    return columns.record, columns.looked_at


def chat_column(there: Sequence[str]) -> str | None:
    """Return the column that holds the turns of chats; None: there is none."""
    keys = LIST_KEYS if set(there) >= _PAIR else (*LIST_KEYS, *OTHER_LIST_KEYS, TEXTS_KEY)
    return next((key for key in keys if key in there), None)


def _refuse_repeated(header: Sequence[str]) -> None:
    twice = sorted(name for name, times in Counter(header).items() if times > 1)
    if twice:
        raise InvalidInput(
            "The header is not clear.",
            [Fault(f"{name[:_LONGEST_NAME]!r} is there twice", 1) for name in twice],
        )
