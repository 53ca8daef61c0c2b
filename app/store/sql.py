"""SQL expressions and statements that mean the same on SQLite and PostgreSQL."""

from typing import Any, cast

from sqlalchemy import CursorResult, Delete, Float, Update
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class epoch_now(FunctionElement[float]):  # noqa: N801 - reads as the SQL function it is
    """The database's clock, in seconds since 1970; hosts' clocks differ, this one is shared."""

    type = Float()
    inherit_cache = True
    name = "epoch_now"


@compiles(epoch_now, "sqlite")
def _sqlite(_element: epoch_now, _compiler: SQLCompiler, **_kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's hook
    # unixepoch('subsec') would be clearer, but needs SQLite 3.42.
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(epoch_now, "postgresql")
def _postgresql(_element: epoch_now, _compiler: SQLCompiler, **_kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's hook
    return "(extract(epoch from clock_timestamp())::double precision)"


def changed_rows(session: Session, statement: Update | Delete) -> int:
    """Execute an UPDATE or DELETE; return how many rows it matched."""
    # An UPDATE through a Session returns a CursorResult; its annotation says only Result.
    return cast("CursorResult[Any]", session.execute(statement)).rowcount
