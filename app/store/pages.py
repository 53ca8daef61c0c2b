"""Cursor pages: a cursor is the key of the last row, so new rows don't shift later pages."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import BigInteger, Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.errors import Fault, InvalidInput

RowT = TypeVar("RowT")
MAX_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Page(Generic[RowT]):
    """One page of rows, and the cursor of the next page."""

    items: Sequence[RowT]
    next_cursor: str | None
    """None: there are no more rows now."""


def page(
    session: Session,
    statement: Select[RowT],
    keys: Sequence[InstrumentedAttribute[Any]],
    *,
    cursor: str | None,
    limit: int,
    newest_first: bool = False,
) -> Page[RowT]:
    """Load up to `limit` rows after `cursor`, ordered by `keys`, which are unique together.

    Raises:
        InvalidInput: when the cursor was not made by this service.
    """
    if cursor is not None:
        after = tuple_(*decoded(cursor, keys))
        here = tuple_(*keys)
        statement = statement.where(here < after if newest_first else here > after)
    order = [key.desc() if newest_first else key.asc() for key in keys]
    rows = session.scalars(statement.order_by(*order).limit(limit + 1)).all()
    items = rows[:limit]
    more = len(rows) > limit
    return Page(items, encoded([getattr(items[-1], key.key) for key in keys]) if more else None)


def encoded(values: Sequence[int | str]) -> str:
    """Encode the key of the last row as a cursor."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def decoded(cursor: str, keys: Sequence[InstrumentedAttribute[Any]]) -> list[Any]:
    """Decode a cursor into values of the types of `keys`.

    Raises:
        InvalidInput: when it was not made by this service.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        values = json.loads(base64.urlsafe_b64decode(padded))
    except (ValueError, RecursionError):
        values = None
    known = isinstance(values, list) and len(values) == len(keys)
    if not known or not all(map(_fits, values, keys)):
        fault = Fault("is not a cursor of this service", field="cursor")
        raise InvalidInput("The page cannot be found.", [fault])
    return list(values)


def _fits(value: object, key: InstrumentedAttribute[Any]) -> bool:
    if key.type.python_type is str:
        return isinstance(value, str) and value.isascii() and value.isprintable()
    # PostgreSQL compares with a value of the column's own type, and refuses one out of its range.
    bits = 63 if isinstance(key.type, BigInteger) else 31
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**bits
