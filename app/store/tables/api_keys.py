"""The table of API keys."""

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.store.declarative import Table
from app.store.sql import epoch_now


class ApiKey(Table):
    """A key to the API. Its text is shown once, when it is created, and stored nowhere."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    """Its digits are also the middle part of the key: a leaked key shows what to revoke."""
    name: Mapped[str]
    """The owner's name for it."""
    key_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    """Of the whole key. Its 256 random bits can't be guessed from a hash, so a slow, salted
    password hash would only make every request slow."""
    scopes: Mapped[list[Any]]
    """Names of `api_keys.Scope`."""
    created_at: Mapped[datetime] = mapped_column(server_default=epoch_now())
    last_used_at: Mapped[datetime | None]
    """To the minute; null: never."""
    revoked_at: Mapped[datetime | None]
    """When it stopped being valid; null: it is valid."""
