"""API keys: made, listed, revoked, and recognised in a request.

A key is ``sb_<digits of its id>_<256 random bits>``: a scanner of leaks can tell it by its form,
and whoever finds one can tell from it which to revoke. The database has only its SHA-256. It is
found by that hash, so how long the search takes tells of the hash alone, from which no key can be
made.
"""

import hashlib
import logging
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy.orm import Session

from app.errors import Fault, InvalidInput, NotFound
from app.store.access import api_keys
from app.store.database import AWAY, Database
from app.store.ids import may_be_id, new_id
from app.store.tables.api_keys import ApiKey

_log = logging.getLogger(__name__)

USE_NOTED_EVERY_S = 60.0
"""A request in a minute writes when its key was used, not each of thousands."""
_FORM = re.compile(r"sb_[0-9a-f]{22}_[0-9a-f]{64}")
_LONGEST_NAME = 200


class Scope(StrEnum):
    """What a key allows."""

    READ = "read"
    """Look at everything."""
    RUN = "run"
    """Start and change runs and seed sets; and read."""
    TRAIN = "train"
    """Start and change training jobs; and read."""
    ADMIN = "admin"
    """All there is."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made: the one moment in which its text is known."""

    stored: ApiKey
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose key a request came with."""

    key_id: str
    name: str
    scopes: frozenset[Scope]
    use_is_due: bool = False
    """Whether `note_use` has something to write."""

    def may(self, needed: Scope) -> bool:
        """Whether its scopes allow what needs this one."""
        if Scope.ADMIN in self.scopes or needed in self.scopes:
            return True
        return needed is Scope.READ and bool(self.scopes)


def is_key(text: str) -> bool:
    """Whether a text has the form of a key; says nothing of whether there is such a key."""
    return _FORM.fullmatch(text) is not None


def create_key(database: Database, name: str, scopes: Collection[Scope]) -> NewKey:
    """Make a key. From the first on, every request to the API needs one.

    Raises:
        InvalidInput: it would have no name, one that is no line of text, or no scope.
    """
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        fault = Fault(f"must be one line of at most {_LONGEST_NAME} characters", field="name")
        raise InvalidInput("The key was not made.", [fault])
    if not scopes:
        raise InvalidInput("The key was not made.", [Fault("at least one", field="scopes")])
    key_id = new_id("key")
    key = f"sb_{key_id.removeprefix('key_')}_{secrets.token_hex(32)}"

    def add(session: Session) -> ApiKey:
        if made := session.get(ApiKey, key_id):
            # Committed before, but the answer was lost.
            return made
        in_order = [scope for scope in Scope if scope in scopes]
        stored = ApiKey(id=key_id, name=name, key_sha256=_sha256(key), scopes=in_order)
        session.add(stored)
        session.flush()
        session.refresh(stored)
        return stored

    return NewKey(database.retrying(add), key)


def list_keys(database: Database) -> Sequence[ApiKey]:
    """All keys, oldest first, revoked ones too."""
    with database.read() as session:
        return api_keys.oldest_first(session)


def revoke_key(database: Database, key_id: str) -> ApiKey:
    """Make a key worthless, for every process at its next request. Safe to repeat.

    Raises:
        NotFound: when there is none with this id.
    """

    def revoke(session: Session) -> ApiKey:
        found = api_keys.revoke(session, key_id) if may_be_id(key_id) else None
        if found is None:
            raise NotFound("API key", key_id)
        return found

    return database.retrying(revoke)


def authenticate(database: Database, key: str) -> Caller | None:
    """Whose key this is; None when there is no such key, or it was revoked."""
    if not is_key(key):
        return None
    with database.read() as session:
        found = api_keys.find_good(session, _sha256(key), noted_every_s=USE_NOTED_EVERY_S)
    if found is None:
        return None
    scopes = frozenset(scope for scope in Scope if scope in found.scopes)
    return Caller(found.id, found.name, scopes, found.use_is_due)


def any_key_exists(database: Database) -> bool:
    """Whether there is a key that was not revoked."""
    with database.read() as session:
        return api_keys.any_good(session)


def note_use(database: Database, key_id: str) -> None:
    """Write down that a key was used now. Best effort: a busy database is not waited for twice."""
    try:
        with database.write() as session:
            api_keys.note_use(session, key_id, noted_every_s=USE_NOTED_EVERY_S)
    except AWAY as error:
        _log.warning("the use of %s was not noted: %s", key_id, error.orig)


def _sha256(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
