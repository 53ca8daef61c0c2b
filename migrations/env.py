"""Alembic's entry: the address comes from the caller, or from the environment.

Only who writes a migration brings the tables, so that a migration does not load them.
"""

from alembic import context
from sqlalchemy import Connection

from app.settings import Settings
from app.store.database import Database


def _migrate(connection: Connection) -> None:
    given = context.config.attributes
    context.configure(
        connection=connection,
        target_metadata=given.get("target_metadata"),
        # SQLite cannot alter most things in place; Alembic copies the table instead.
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=given.get("render_item"),
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
