"""Requests that are safe to repeat: a hash that tells two requests apart, a row inserted once."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from enum import Enum
from typing import TypeVar

from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.errors import Conflict
from app.store.database import Database
from app.store.declarative import Table

RowT = TypeVar("RowT", bound=Table)

_VERSION = "2:"
_DIGITS = 62
"""With the version, a hash fills its column of 64 characters."""


@dataclass(frozen=True, slots=True)
class RequestHash:
    """The hash of a request, as it is stored now and as it was stored before version 2."""

    current: str
    legacy: str
    """Over all options with their defaults, so that each new option changed it. Rows of a database
    that was made before version 2 are found by it."""

    @property
    def both(self) -> tuple[str, str]:
        """Both forms; a stored hash of this request is one of them."""
        return (self.current, self.legacy)


@dataclass(frozen=True, slots=True)
class RequestKey:
    """An idempotency key and the hash of the request that it came with."""

    key: str | None
    """None: the request has no key, so each one is new."""
    request: RequestHash

    def check_same(self, stored_sha256: str | None, kind: str) -> None:
        """Check that a stored row was made by this very request.

        Args:
            stored_sha256: the hash in the row that was found under the key.
            kind: the word for that row, such as ``run``.

        Raises:
            Conflict: when the key was used with another request.
        """
        if stored_sha256 not in self.request.both:
            raise Conflict(
                "This Idempotency-Key was used with another request; use a new key for a new "
                f"{kind}."
            )


def request_hash(kind: str, parts: Mapping[str, object], legacy: str) -> RequestHash:
    """Hash what a client sent.

    Options that were left out, or have their default, are no part of the hash: an option that is
    added later, with a default, leaves it as it was.

    Args:
        kind: keeps requests of two kinds apart.
        parts: what was sent, by name; those that are None are left out.
        legacy: the text that was hashed before version 2.
    """
    sent = {name: _canonical(part) for name, part in parts.items() if part is not None}
    text = json.dumps([kind, sent], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return RequestHash(
        current=f"{_VERSION}{digest[:_DIGITS]}",
        legacy=hashlib.sha256(legacy.encode("utf-8", "surrogatepass")).hexdigest(),
    )


def _canonical(value: object) -> object:
    """Return the value as JSON knows it, without what has its default."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_defaults=True)
    if is_dataclass(value):
        named = {field.name: (getattr(value, field.name), field.default) for field in fields(value)}
        return {name: _canonical(own) for name, (own, default) in named.items() if own != default}
    if isinstance(value, Mapping):
        return {str(name): _canonical(part) for name, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_canonical(part) for part in value]
    if isinstance(value, Enum | Decimal):
        return str(value)
    return value


def insert_once(
    database: Database,
    table: type[RowT],
    row_id: str,
    find_or_insert: Callable[[Session], RowT],
) -> RowT:
    """Insert a row that the same request may have inserted already. Safe to repeat.

    Args:
        database: where the row is stored.
        table: the row's table.
        row_id: the id that `find_or_insert` gives to a new row.
        find_or_insert: returns the row of the same request, or a new one. It may run several times,
            each time in a new transaction.

    Returns:
        The row; it is new when its id is `row_id`.
    """

    def work(session: Session) -> RowT:
        # Found by its own id, it was committed before, but the answer was lost.
        return session.get(table, row_id) or find_or_insert(session)

    try:
        return database.retrying(work)
    except IntegrityError:
        # Another process inserted the same between our search and our insert: now it is found.
        return database.retrying(work)
