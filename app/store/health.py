"""Health check of the database: it answers, and its tables are of this version."""

from contextlib import suppress
from functools import cache

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError

from app.errors import ConfigurationError, OutOfSpace
from app.store.database import Database
from app.store.migrate import alembic_config


def refuse_other_encoding(database: Database) -> None:
    """Check the encoding of a database that answers; one that is down is no error here.

    Raises:
        ConfigurationError: it is not UTF-8.
    """
    with suppress(SQLAlchemyError), database.read() as session:
        session.connection()


def trouble(database: Database) -> str | None:
    """Return what is wrong with the database; None when it can be used."""
    try:
        with database.read() as session:
            there = MigrationContext.configure(session.connection()).get_current_revision()
    except (ConfigurationError, OutOfSpace) as error:
        return str(error)
    except SQLAlchemyError as error:
        return f"The database does not answer ({type(error).__name__})."
    wanted = _newest_version()
    if there != wanted:
        return f"The tables are at version {there}, not {wanted}: run python -m app.store.migrate."
    return None


@cache
def _newest_version() -> str | None:
    """Return the version that this code needs; its files are read once per process."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head()
