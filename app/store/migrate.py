"""Bring a database to this version of the tables: ``python -m app.store.migrate``."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from app.settings import Settings
from app.store.database import Database

_MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


def migrate(database: Database, revision: str = "head") -> None:
    """Upgrade to `revision`; safe to repeat. Two at once wait for each other on PostgreSQL."""
    config = alembic_config()
    with database.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_lock(5160123)")
            connection.commit()
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, revision)
            connection.commit()
        finally:
            if connection.dialect.name == "postgresql":
                connection.rollback()
                connection.exec_driver_sql("SELECT pg_advisory_unlock(5160123)")


def alembic_config() -> Config:
    """Say where the migrations are."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


if __name__ == "__main__":
    settings = Settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.resolved_database_url)
    try:
        migrate(database)
    finally:
        database.close()
