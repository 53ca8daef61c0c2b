"""The house's own rules, where no linter has them."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from app.api.application import VERSION

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(
    path for room in ("app", "workers") for path in (ROOT / room).rglob("*.py") if path.stem
)
MOST_LINES = 300
MOST_LINES_OF_A_FUNCTION = 40
FORBIDDEN_NAMES = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "manager",
    "base",
    "clf",
    "sample",
}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_short_and_its_functions_are_shorter(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            # The docstring is for the reader and does not count.
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = sum((part.end_lineno or 0) - part.lineno + 1 for part in body)
            assert lines <= MOST_LINES_OF_A_FUNCTION, f"{node.name}: {lines} lines"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_has_a_name_that_says_nothing(path: Path) -> None:
    assert not FORBIDDEN_NAMES & set(path.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_entry_points_read_the_settings(path: Path) -> None:
    # Settings() reads the environment; below the entry points everything is an argument.
    entry_points = {
        "app/api/__main__.py", "app/cli/connect.py", "app/store/migrate.py",
        "workers/celery_app.py", "workers/sweeper.py",
    }  # fmt: skip
    reads = re.search(r"\bSettings\(\)", path.read_text(encoding="utf-8")) is not None
    assert not reads or str(path.relative_to(ROOT)) in entry_points


def test_every_column_says_what_it_is_for_or_speaks_for_itself() -> None:
    tree = ast.parse((ROOT / "app/store/models.py").read_text(encoding="utf-8"))
    for table in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        assert ast.get_docstring(table), table.name


def test_the_version_is_told_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == VERSION


def test_every_decision_is_numbered_and_has_its_three_parts() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in decisions:
        text = path.read_text(encoding="utf-8")
        for part in ("**Context.**", "**Decision.**", "**Consequences.**"):
            assert part in text, f"{path.name} lacks {part}"
