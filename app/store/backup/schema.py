"""The tables at any version, without a database that has them."""

from collections.abc import Sequence
from contextlib import closing
from functools import cache

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, Table

from app.store.database import Database
from app.store.migrate import alembic_config, migrate

VERSION_TABLE = "alembic_version"


def current_revision(connection: Connection) -> str | None:
    """Return the version of the tables in a database; None when it has none."""
    return MigrationContext.configure(connection).get_current_revision()


def is_known(revision: str) -> bool:
    """Return True when there is a migration to this version."""
    scripts = ScriptDirectory.from_config(alembic_config())
    return any(script.revision == revision for script in scripts.walk_revisions())


@cache
def tables_at(revision: str) -> Sequence[Table]:
    """Return the tables of a known version, each after those that it refers to."""
    with closing(Database("sqlite://")) as scratch:
        migrate(scratch, revision)
        tables = MetaData()
        tables.reflect(scratch.engine)
    return [table for table in tables.sorted_tables if table.name != VERSION_TABLE]
