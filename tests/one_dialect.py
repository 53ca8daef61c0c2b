"""Dialects of SQLAlchemy that share what they compiled, so that each test need not do it again.

An application has one engine and compiles each statement once. Each test has an engine of its own,
which would compile all statements anew: a seventh of the time that the tests take.
"""

from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.util import LRUCache

_COMPILED: LRUCache[Any, Any] = LRUCache(2000)


class _Shared(Dialect):
    """Equal to all others of its class: compiled statements are looked up by dialect."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        engine.update_execution_options(compiled_cache=_COMPILED)


class SharedSQLite(_Shared, SQLiteDialect_pysqlite):
    """SQLite as the tests use it."""

    supports_statement_cache = True


class SharedPostgreSQL(_Shared, PGDialect_psycopg):
    """PostgreSQL as the tests use it."""

    supports_statement_cache = True


def share_compiled_statements() -> None:
    """Let every engine made from now on in this process share compiled statements."""
    registry.register("sqlite", __name__, SharedSQLite.__name__)
    registry.register("postgresql.psycopg", __name__, SharedPostgreSQL.__name__)
