"""Column types and SQL expressions that mean the same on SQLite and PostgreSQL."""

from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import BigInteger, Dialect, Float, TypeDecorator


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
    """Money: whole picodollars in the database, so that sums are exact; a Decimal in Python."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Store picodollars."""
        return None if value is None else int(value * _PICO)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:  # noqa: ARG002
        """Read dollars."""
        return None if value is None else Decimal(value) / _PICO
