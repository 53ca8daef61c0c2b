"""The house's own rules, where no linter has them."""

import ast
import re
import tomllib
from pathlib import Path

from app.api.application import VERSION

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(
    path for room in ("app", "workers") for path in (ROOT / room).rglob("*.py") if path.stem
)
MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 40
# Columns whose name is the whole explanation, whatever table they stand in.
SELF_EXPLANATORY = {
    "at",
    "created_at",
    "started_at",
    "submitted_at",
    "ended_at",
    "made_at",
    "id",
    "run_id",
    "job_id",
    "dataset_id",
    "seed_set_id",
    "work_item_id",
    "completion_id",
    "idempotency_key",
    "name",
    "model",
    "profile",
    "stage",
    "slot",
    "split",
    "reason",
    "text",
    "input",
    "output",
    "instruction",
    "is_classification",
    "classification_count",
    "task_count",
    "row_count",
    "dropped_count",
    "prompt_tokens",
    "completion_tokens",
    "max_tokens",
    "max_cost_usd",
    "latency_s",
    "finish_reason",
    "parameters",
    "reply",
    "requests",
    "sha256",
    "size_bytes",
    "system",
}
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


def test_modules_and_functions_are_not_far_longer_than_their_neighbours() -> None:
    # A smell detector, not a reason to cut a file: cut by meaning.
    long = []
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        if len(text.splitlines()) > MOST_LINES:
            long.append(f"{path.relative_to(ROOT)}: {len(text.splitlines())} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                # The docstring is for the reader and does not count.
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = sum((part.end_lineno or 0) - part.lineno + 1 for part in body)
                if lines > MOST_LINES_OF_A_FUNCTION:
                    long.append(f"{path.relative_to(ROOT)}, {node.name}: {lines} lines")
    assert not long


def test_no_module_has_a_name_that_says_nothing() -> None:
    named = [str(path) for path in MODULES if FORBIDDEN_NAMES & set(_parts_of(path))]
    assert not named


def _parts_of(path: Path) -> tuple[str, ...]:
    return path.relative_to(ROOT).with_suffix("").parts


def test_only_entry_points_read_the_settings() -> None:
    # Settings() reads the environment; below the entry points everything is an argument.
    entry_points = {
        "app/api/__main__.py", "app/cli/service/find_service.py", "app/store/migrate.py",
        "workers/celery_app.py", "workers/local_worker.py", "workers/sweeper.py",
    }  # fmt: skip
    readers = {
        str(path.relative_to(ROOT))
        for path in MODULES
        if re.search(r"\bSettings\(\)", path.read_text(encoding="utf-8"))
    }
    assert readers == entry_points


def test_every_package_says_what_belongs_in_it() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in MODULES
        if path.stem == "__init__" and not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert not silent


def test_a_docstring_names_its_subject_and_does_not_ask_for_it() -> None:
    asking = re.compile(r'^ *"""(How|What|Whether) .*', re.MULTILINE)
    assert [
        f"{path.relative_to(ROOT)}: {found.group().strip()}"
        for path in MODULES
        for found in asking.finditer(path.read_text())
    ] == []


def test_every_column_is_explained_or_named_for_what_it_holds() -> None:
    unexplained = []
    for path in sorted((ROOT / "app" / "store" / "tables").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for table in (node for node in tree.body if isinstance(node, ast.ClassDef)):
            assert ast.get_docstring(table), table.name
            for column, after in zip(table.body, [*table.body[1:], None], strict=True):
                if not isinstance(column, ast.AnnAssign) or not isinstance(column.target, ast.Name):
                    continue
                explained = (
                    isinstance(after, ast.Expr)
                    and isinstance(after.value, ast.Constant)
                    and isinstance(after.value.value, str)
                )
                if not explained and column.target.id not in SELF_EXPLANATORY:
                    unexplained.append(f"{table.name}.{column.target.id}")
    assert not unexplained


def test_the_version_stands_in_one_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == VERSION


def test_every_decision_is_numbered_and_has_its_three_parts() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in decisions:
        text = path.read_text(encoding="utf-8")
        for part in ("**Context.**", "**Decision.**", "**Consequences.**"):
            assert part in text, f"{path.name} lacks {part}"
