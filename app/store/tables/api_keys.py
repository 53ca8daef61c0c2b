"""The table of API keys."""

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.store.declarative import Table
from app.store.sql import epoch_now


class ApiKey(Table):
    """Leave to use the API. The key itself is told once, when it is made, and stored nowhere."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    """Its digits are also the middle part of the key: a leaked one says what to revoke."""
    name: Mapped[str]
    """What its owner calls it."""
    key_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    """Of the whole key. Its 256 random bits cannot be guessed from a hash, so a slow, salted one,
    made for passwords, would only make every request slow."""
    scopes: Mapped[list[Any]]
    """Of `api_keys.Scope`, by name."""
    created_at: Mapped[datetime] = mapped_column(server_default=epoch_now())
    last_used_at: Mapped[datetime | None]
    """To the minute; null: never."""
    revoked_at: Mapped[datetime | None]
    """From then on it opens nothing; null: it is good."""
