"""`make migration`: the next migration, written from the models."""

import ast
from pathlib import Path

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from app.store.database import Database
from app.store.declarative import Table
from app.store.migrate import alembic_config
from migrations.writing import render_item, write_migration


def test_where_the_models_are_those_of_head_the_next_migration_is_empty(tmp_path: Path) -> None:
    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    assert head is not None
    path = write_migration("Add something.", tmp_path)
    assert path.name == f"{int(head) + 1:04}_add_something.py"
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree) == "Add something."
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert [one.name for one in functions] == ["upgrade", "downgrade"]
    for one in functions:
        assert all(isinstance(line, ast.Pass) for line in one.body), ast.unparse(one)
    values = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    assert (values["revision"], values["down_revision"]) == (path.name[:4], head)
    assert list(tmp_path.glob("*.py")) == [path]


def test_what_is_written_names_the_frozen_types_and_none_of_the_service(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"render_item": render_item})
        wanted = produce_migrations(context, Table.metadata)
        assert wanted.upgrade_ops is not None
        code = render_python_code(wanted.upgrade_ops, render_item=render_item)
    database.close()
    ast.parse(f"def upgrade():\n    {code}")
    assert "app." not in code
    assert "column_types.Moment(precision=53), server_default=column_types.epoch_now()" in code
    assert "'cost_usd', column_types.Dollars()" in code
