"""Column types and SQL expressions as the migrations saw them when they were written.

Frozen copies: a migration must do today what it did on the day it was released, so it never imports
the types that the service uses now. Add a new copy under a new name; never change one of these.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Dialect, Float, TypeDecorator
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class epoch_now(FunctionElement[float]):  # noqa: N801 - reads as the SQL function it is
    """The database's clock, in seconds since 1970."""

    type = Float()
    inherit_cache = True
    name = "epoch_now"


@compiles(epoch_now, "sqlite")
def _sqlite(_element: epoch_now, _compiler: SQLCompiler, **_kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's hook
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(epoch_now, "postgresql")
def _postgresql(_element: epoch_now, _compiler: SQLCompiler, **_kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's hook
    return "(extract(epoch from clock_timestamp())::double precision)"


class Moment(TypeDecorator[datetime]):
    """A point in time: seconds since 1970 in the database, an aware UTC datetime in Python."""

    impl = Float(precision=53)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> float | None:  # noqa: ARG002
        """Store the seconds."""
        return None if value is None else value.timestamp()

    def process_result_value(self, value: float | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Read the seconds."""
        return None if value is None else datetime.fromtimestamp(value, UTC)


_PICO = Decimal(10) ** 12


class Dollars(TypeDecorator[Decimal]):
    """Money: whole picodollars in the database, a Decimal in Python."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Store picodollars."""
        return None if value is None else int(value * _PICO)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:  # noqa: ARG002
        """Read dollars."""
        return None if value is None else Decimal(value) / _PICO
