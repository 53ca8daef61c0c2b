"""Writes the next migration: ``python -m migrations.writing "add something"``.

Alembic compares the models with a fresh SQLite database brought to head, and writes what differs.
"""

import re
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

from alembic import command
from alembic.script import ScriptDirectory

from app.store import tables  # noqa: F401 - Alembic must know every table
from app.store.database import Database
from app.store.declarative import Table
from app.store.migrate import migrate, migration_config
from app.store.sql import epoch_now
from app.store.types import Dollars, Moment

VERSIONS = Path(__file__).resolve().parent / "versions"


def write_migration(message: str, folder: Path = VERSIONS) -> Path:
    """Write the migration from head to the models as they are now.

    Args:
        message: what it does, as its docstring and in its file's name.
        folder: where the file goes.

    Returns:
        The file. It is a draft: look it through, move the data that has to move, and run the
        migration tests.
    """
    with (
        tempfile.TemporaryDirectory() as temporary,
        closing(Database(f"sqlite:///{Path(temporary) / 'head.db'}")) as database,
    ):
        migrate(database)
        with migration_config(database) as config:
            config.attributes["target_metadata"] = Table.metadata
            config.attributes["render_item"] = render_item
            config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
            config.set_main_option("truncate_slug_length", "60")
            config.set_main_option("path_separator", "newline")
            # Each folder once: Alembic warns of files that it loads twice.
            folders = dict.fromkeys((str(VERSIONS), str(folder)))
            config.set_main_option("version_locations", "\n".join(folders))
            head = ScriptDirectory.from_config(config).get_current_head() or "0000"
            number = f"{int(head) + 1:04}"
            command.revision(
                config,
                message.rstrip("."),
                autogenerate=True,
                rev_id=number,
                version_path=str(folder),
            )
    (path,) = folder.glob(f"{number}_*.py")
    return path


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:  # noqa: ANN401 - Alembic's hook
    """Render the types and defaults of our own as their frozen copies in `column_types`.

    Returns:
        The code; False: Alembic's own rendering is right.
    """
    if kind == "type" and isinstance(item, Moment):
        return "column_types.Moment(precision=53)"
    if kind == "type" and isinstance(item, Dollars):
        return "column_types.Dollars()"
    if kind == "server_default" and isinstance(getattr(item, "arg", None), epoch_now):
        return "column_types.epoch_now()"
    return False


if __name__ == "__main__":
    if len(sys.argv) != 2 or not re.search(r"[A-Za-z]", sys.argv[1]):
        sys.exit('Say what the migration does: make migration NAME="add something"')
    sys.stdout.write(f"{write_migration(sys.argv[1])}\n")
