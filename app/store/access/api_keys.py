"""Queries on API keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, exists, or_, select, update
from sqlalchemy.orm import Session

from app.store.sql import epoch_now
from app.store.tables.api_keys import ApiKey


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A valid key, as far as a request needs it."""

    id: str
    name: str
    scopes: Sequence[Any]
    use_is_due: bool
    """True when its last use was recorded long enough ago to be recorded again."""


def find_good(session: Session, key_sha256: str, *, recorded_every_s: float) -> FoundKey | None:
    """Find the key with this hash; None when there is none, or it was revoked."""
    wanted = select(ApiKey.id, ApiKey.name, ApiKey.scopes, _use_is_due(recorded_every_s)).where(
        ApiKey.key_sha256 == key_sha256, ApiKey.revoked_at.is_(None)
    )
    found = session.execute(wanted).one_or_none()
    return None if found is None else FoundKey(found[0], found[1], found[2], bool(found[3]))


def any_made(session: Session) -> bool:
    """Return True when there is a key, revoked or not."""
    return bool(session.scalar(select(exists(ApiKey.id))))


def lock_good(session: Session) -> Sequence[ApiKey]:
    """Load the keys that are not revoked, and hold their rows until the transaction ends."""
    good = select(ApiKey).where(ApiKey.revoked_at.is_(None)).order_by(ApiKey.id)
    return session.scalars(good.with_for_update()).all()


def oldest_first(session: Session) -> Sequence[ApiKey]:
    """Load all keys, including revoked ones, oldest first."""
    return session.scalars(select(ApiKey).order_by(ApiKey.created_at, ApiKey.id)).all()


def revoke(session: Session, key_id: str) -> ApiKey | None:
    """Revoke a key unless it is revoked already; return it, or None when there is none."""
    session.execute(
        update(ApiKey)
        .where(ApiKey.id == key_id, ApiKey.revoked_at.is_(None))
        .values(revoked_at=epoch_now())
    )
    return session.get(ApiKey, key_id, populate_existing=True)


def record_use(session: Session, key_id: str, *, recorded_every_s: float) -> None:
    """Record that a key was used now, unless that was recorded just before."""
    session.execute(
        update(ApiKey)
        .where(ApiKey.id == key_id, _use_is_due(recorded_every_s))
        .values(last_used_at=epoch_now())
    )


def _use_is_due(recorded_every_s: float) -> ColumnElement[bool]:
    return or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at < epoch_now() - recorded_every_s)
