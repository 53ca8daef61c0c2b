"""API keys: create, list, revoke, and authenticate requests.

A key is ``sb_<digits of its id>_<256 random bits>``. A secret scanner recognises its form, and the
id in a leaked key says which key to revoke. The database stores only its SHA-256. A key is looked
up by that hash, so the timing of the lookup reveals nothing of the key.
"""

import hashlib
import logging
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from app.errors import Conflict, Fault, InvalidInput, NotFound
from app.services.access.key_form import Scope, is_key
from app.store.access import api_keys
from app.store.database import AWAY, Database
from app.store.ids import may_be_id, new_id
from app.store.tables.api_keys import ApiKey

_log = logging.getLogger(__name__)

USE_RECORDED_EVERY_S = 60.0
"""Record the use of a key at most once in this time, not for each of thousands of requests."""
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class NewKey:
    """A new key; its text is known only now."""

    stored: ApiKey
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Caller:
    """The owner of the key that came with a request."""

    key_id: str
    name: str
    scopes: frozenset[Scope]
    use_is_due: bool = False
    """True when `record_use` has something to write."""

    def may(self, needed: Scope) -> bool:
        """Return True when its scopes allow a request that needs this one."""
        if Scope.ADMIN in self.scopes or needed in self.scopes:
            return True
        return needed is Scope.READ and bool(self.scopes)


def create_key(database: Database, name: str, scopes: Collection[Scope]) -> NewKey:
    """Create a key. From the first one on, every request except `/v1/health` needs a key.

    Raises:
        InvalidInput: when the name is empty or not one line of text, or there is no scope.
    """
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        fault = Fault(f"must be one line of at most {_LONGEST_NAME} characters", field="name")
        raise InvalidInput("The key was not created.", [fault])
    if not scopes:
        raise InvalidInput(
            "The key was not created.", [Fault("give at least one scope", field="scopes")]
        )
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
    """Return all keys, oldest first, including revoked ones."""
    with database.read() as session:
        return api_keys.oldest_first(session)


def revoke_key(database: Database, key_id: str, *, force: bool = False) -> ApiKey:
    """Revoke a key; it is refused from the next request on, by every process. Safe to repeat.

    Args:
        database: where the keys are.
        key_id: the id of the key.
        force: revoke it even when it is the last valid key, or the last one with the scope admin.

    Raises:
        NotFound: when there is none with this id.
        Conflict: when it is such a key, and `force` is not set.
    """

    def revoke(session: Session) -> ApiKey:
        if not force:
            _check_not_last(api_keys.lock_good(session), key_id)
        found = api_keys.revoke(session, key_id) if may_be_id(key_id) else None
        if found is None:
            raise NotFound("API key", key_id)
        return found

    return database.retrying(revoke)


def authenticate(database: Database, key: str) -> Caller | None:
    """Return the owner of a key; None when there is no such key, or it was revoked."""
    if not is_key(key):
        return None
    with database.read() as session:
        found = api_keys.find_good(session, _sha256(key), recorded_every_s=USE_RECORDED_EVERY_S)
    if found is None:
        return None
    scopes = frozenset(scope for scope in Scope if scope in found.scopes)
    return Caller(found.id, found.name, scopes, found.use_is_due)


def _check_not_last(good: Sequence[ApiKey], key_id: str) -> None:
    if key_id not in {key.id for key in good}:
        return
    left = [key for key in good if key.id != key_id]
    force = f"Create another one first, or revoke it with `seedbed keys revoke {key_id} --force`"
    if not left:
        raise Conflict(
            f"{key_id} is the last valid API key. Without it the service refuses every request, "
            f"also from its own machine, until a key is created. {force}."
        )
    if _administers(good) and not _administers(left):
        raise Conflict(
            f"{key_id} is the last valid API key with the scope admin. Without it, nobody can "
            f"change what was made without a key or with a revoked one. {force}."
        )


def _administers(keys: Sequence[ApiKey]) -> bool:
    return any(Scope.ADMIN in key.scopes for key in keys)


def are_needed(database: Database) -> bool:
    """Return True from the first key on, even when all keys are revoked by now."""
    with database.read() as session:
        return api_keys.any_made(session)


def any_may_administer(database: Database) -> bool:
    """Return True when there is a valid key with the scope admin."""
    return _administers([key for key in list_keys(database) if key.revoked_at is None])


def record_use(database: Database, key_id: str) -> None:
    """Record that a key was used now; when the database is busy, only log a warning."""
    try:
        with database.write() as session:
            api_keys.record_use(session, key_id, recorded_every_s=USE_RECORDED_EVERY_S)
    except AWAY as error:
        _log.warning("the use of %s was not recorded: %s", key_id, error)


def _sha256(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
