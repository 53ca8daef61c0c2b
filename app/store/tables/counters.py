"""The table of counters: what all processes did, for monitoring."""

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from app.store.declarative import Table


class CounterRow(Table):
    """A part of a counter's value; the sum over its shards never goes down.

    It refers to no other row, so it stays when runs are deleted.
    """

    __tablename__ = "counters"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    """`CounterSpec.name`."""
    labels: Mapped[str] = mapped_column(primary_key=True)
    """Values of its labels, as a JSON list."""
    shard: Mapped[int] = mapped_column(primary_key=True)
    """Processes that count at the same time write to different ones."""
    value: Mapped[int] = mapped_column(BigInteger)
    """In the counter's stored unit."""
