"""Alembic's entry: the address comes from the caller, or from the environment."""

from alembic import context
from sqlalchemy import Connection

from app.settings import Settings
from app.store import tables  # noqa: F401 - Alembic must know every table
from app.store.database import Database
from app.store.declarative import Table
from migrations.writing import render_item


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Table.metadata,
        # SQLite cannot alter most things in place; Alembic copies the table instead.
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=render_item,
    )
    with context.begin_transaction():
        context.run_migrations()


def _run() -> None:
    connection = context.config.attributes.get("connection")
    if connection is not None:
        _migrate(connection)
        return
    database = Database(Settings().resolved_database_url)
    with database.engine.connect() as connection:
        _migrate(connection)
        connection.commit()
    database.close()


_run()
