"""Counting: gathered during a transaction, written at its end, so exactly as often as it commits.

The rows are locked for the moment of the commit only, and each process has rows of its own, one of
few: processes don't wait for each other. A counter never goes down, whatever is deleted.
"""

import json
import secrets
from collections import Counter
from typing import Any

from sqlalchemy import BigInteger, String, column, func, select, table
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from app.counters import OTHER, UNBOUNDED_LABEL, CounterSpec

MAX_SERIES = 1_000
"""Combinations of label values of one counter."""
_SHARDS = 16
_LONGEST_VALUE = 100
_PENDING = "seedbed_counts"
_TABLE = table(
    "counters",
    column("name", String),
    column("labels", String),
    column("shard", BigInteger),
    column("value", BigInteger),
)
_Key = tuple[CounterSpec, tuple[str, ...]]


def count(session: Session, counter: CounterSpec, *values: str, by: int = 1) -> None:
    """Add to a counter within this transaction.

    Args:
        session: a transaction that writes.
        counter: the counter.
        values: of its labels, in their order.
        by: how much, in the counter's stored unit; nothing happens for 0.
    """
    if by:
        pending: Counter[_Key] = session.info.setdefault(_PENDING, Counter())
        pending[counter, tuple(value[:_LONGEST_VALUE] for value in values)] += by


class CountWriter:
    """Writes what was counted in the transactions of one process."""

    def __init__(self) -> None:
        self._shard = secrets.randbelow(_SHARDS)
        self._known: set[_Key] = set()

    def write(self, session: Session) -> None:
        """Write what was counted in this transaction; the caller commits right afterwards."""
        pending: Counter[_Key] | None = session.info.pop(_PENDING, None)
        if not pending:
            return
        # First: no other row may be locked after those of the counters, or two transactions could
        # wait for each other.
        session.flush()
        rows: Counter[tuple[str, str]] = Counter()
        for (counter, values), by in pending.items():
            rows[counter.name, self._labels(session, counter, values)] += by
        _add(session, self._shard, rows)

    def _labels(self, session: Session, counter: CounterSpec, values: tuple[str, ...]) -> str:
        key = (counter, values)
        labels = json.dumps(values)
        if key in self._known or UNBOUNDED_LABEL not in counter.labels:
            return labels
        stored = select(_TABLE.c.labels).where(_TABLE.c.name == counter.name)
        if session.scalar(stored.where(_TABLE.c.labels == labels).limit(1)) is None:
            distinct = select(func.count(_TABLE.c.labels.distinct()))
            there = session.scalar(distinct.where(_TABLE.c.name == counter.name)) or 0
            if there >= MAX_SERIES:
                names = zip(counter.labels, values, strict=True)
                return json.dumps([OTHER if n == UNBOUNDED_LABEL else value for n, value in names])
        self._known.add(key)
        return labels


def _add(session: Session, shard: int, rows: Counter[tuple[str, str]]) -> None:
    dialect = session.get_bind().dialect.name
    make: Any = sqlite_insert if dialect == "sqlite" else postgresql_insert
    new = make(_TABLE)
    added = new.on_conflict_do_update(
        index_elements=["name", "labels", "shard"],
        set_={"value": _TABLE.c.value + new.excluded.value},
    )
    # In one order everywhere, or two processes could deadlock.
    values = [
        {"name": name, "labels": labels, "shard": shard, "value": by}
        for (name, labels), by in sorted(rows.items())
    ]
    session.connection().execute(added, values)


def totals(session: Session) -> dict[tuple[str, tuple[str, ...]], int]:
    """Return every counter's value, in its stored unit, by name and label values."""
    value = func.sum(_TABLE.c.value)
    summed = select(_TABLE.c.name, _TABLE.c.labels, value).group_by(_TABLE.c.name, _TABLE.c.labels)
    rows = session.execute(summed)
    return {(name, tuple(json.loads(labels))): int(n) for name, labels, n in rows}
