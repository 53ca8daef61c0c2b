"""The base class of all tables, and how their columns are stored on both databases."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import JSON, BigInteger, Integer, MetaData, Text, func, select
from sqlalchemy import Table as CoreTable
from sqlalchemy.orm import DeclarativeBase, Session

from app.store.types import Moment

# SQLite numbers rows by itself only in a column declared INTEGER.
RowId = BigInteger().with_variant(Integer, "sqlite")


class Table(DeclarativeBase):
    """Base class of all tables; constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it as a class attribute
        datetime: Moment,
        dict[str, Any]: JSON,
        list[Any]: JSON,
        str: Text,
    }


def core(model: type[Table]) -> CoreTable:
    """Return the table itself, for statements on many rows without mapped objects."""
    return cast("CoreTable", model.__table__)


def draw_ids(session: Session, table: CoreTable, count: int) -> list[int]:
    """Draw the next row numbers of a table, to know them before the rows are written.

    Many rows can then be inserted by one prepared statement. On SQLite, the caller's transaction is
    the only one that writes.
    """
    if session.get_bind().dialect.name == "sqlite":
        last = session.scalar(select(func.coalesce(func.max(table.c.id), 0))) or 0
        return list(range(last + 1, last + 1 + count))
    sequence = func.pg_get_serial_sequence(table.name, "id")
    drawn = select(func.nextval(sequence)).select_from(func.generate_series(1, count))
    return sorted(session.scalars(drawn))
