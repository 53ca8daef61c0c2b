"""Ownership of rows: the API key that made each."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column


class Owned:
    """The column of a row that only its maker, or a key with the scope admin, may change."""

    made_by: Mapped[str | None] = mapped_column(String(40))
    """The id of the API key that made it; null: made without a key, or before keys were recorded.
    """
