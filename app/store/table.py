"""The parent of all tables: how names, numbers and texts are stored on both databases."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import JSON, BigInteger, Integer, MetaData, Text
from sqlalchemy import Table as CoreTable
from sqlalchemy.orm import DeclarativeBase

from app.store.types import Moment

# SQLite numbers rows by itself only in a column declared INTEGER.
RowId = BigInteger().with_variant(Integer, "sqlite")


class Table(DeclarativeBase):
    """Parent of all tables; constraint names are fixed so that migrations can name them."""

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
    """The table itself, for statements on many rows: no object is made for each of them."""
    return cast("CoreTable", model.__table__)
