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
from app.store.tables.runs import Run
from app.store.tables.training import TrainingJob

RowT = TypeVar("RowT", bound=Table)
KeyedT = TypeVar("KeyedT", Run, TrainingJob)
"""A row that a request with an idempotency key makes once."""

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
    """An idempotency key, the hash of the request that it came with, and who sent it."""

    key: str | None
    """None: the request has no key, so each one is new."""
    request: RequestHash
    made_by: str | None = None
    """The id of the API key that sent it; None: it came without one."""

    @property
    def stored(self) -> str | None:
        """The key as it is stored; equal keys of two API keys differ, whatever their text is."""
        if self.key is None or self.made_by is None:
            return self.key
        return "sha256:" + _sha256(f"{self.made_by} {self.key}")

    def find(self, stored_under: Callable[[str], KeyedT | None], kind: str) -> KeyedT | None:
        """Find what the same request made.

        Args:
            stored_under: returns the row that is stored under a key.
            kind: the word for that row, such as ``run``.

        Returns:
            The row; None: the request is new.

        Raises:
            Conflict: the API key used this idempotency key with another request.
        """
        if self.key is None or self.stored is None:
            return None
        own = stored_under(self.stored)
        if own is not None:
            self.check_same(own.request_sha256, kind)
            return own
        # Made before API keys were recorded: nobody knows by which, so only the same request finds
        # it, and to all others it is as if it were not there.
        older = stored_under(self.key)
        if older is None or older.made_by is not None:
            return None
        return older if older.request_sha256 in self.request.both else None

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
    return RequestHash(current=f"{_VERSION}{_sha256(text)[:_DIGITS]}", legacy=_sha256(legacy))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


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
