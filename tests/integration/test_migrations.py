"""The tables, on both databases."""

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from app.store.database import Database
from app.store.health import trouble
from app.store.migrate import alembic_config, migrate
from app.store.table import Table


def test_migrations_make_exactly_the_tables_of_the_models(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Table.metadata) == []


def test_migrations_go_down_to_nothing_and_up_again(database: Database) -> None:
    config = alembic_config()
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        connection.commit()
    assert set(inspect(database.engine).get_table_names()) <= {"alembic_version"}
    assert trouble(database) is not None
    migrate(database)
    assert trouble(database) is None


def test_migrating_twice_changes_nothing(database: Database) -> None:
    migrate(database)
    assert trouble(database) is None
