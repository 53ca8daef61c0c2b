"""The tree of anticipated failures: what it says, and what it keeps for the one who answers."""

import ast
import builtins
import re
from pathlib import Path

import pytest

from app import errors
from app.errors import Fault, InvalidInput, NotFound, ProviderError, SeedbedError, Throttled

ROOT = Path(__file__).parents[2]
TREE = str(errors.__doc__).partition("\n\n")[2].partition("\n\n")[0]


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (Fault("is empty"), "is empty"),
        (Fault("is empty", line=3), "line 3: is empty"),
        (Fault("is empty", field="instruction"), "instruction: is empty"),
        (Fault("is empty", 3, "instances[0].output"), "line 3: instances[0].output: is empty"),
        (Fault("is empty", line=0), "line 0: is empty"),
    ],
)
def test_a_fault_says_its_line_its_field_and_what_is_wrong(fault: Fault, text: str) -> None:
    assert str(fault) == text


def test_invalid_input_keeps_every_fault_in_order() -> None:
    faults = [Fault("one"), Fault("two")]

    error = InvalidInput("Two things.", faults)
    faults.clear()

    assert str(error) == "Two things."
    assert error.faults == (Fault("one"), Fault("two"))


def test_invalid_input_may_have_no_faults() -> None:
    assert InvalidInput("No.").faults == ()


def test_what_is_not_found_is_named_with_its_kind_and_id() -> None:
    error = NotFound("run", "r-1'")

    assert str(error) == 'There is no run with the id "r-1\'".'
    assert (error.kind, error.identifier) == ("run", "r-1'")


@pytest.mark.parametrize("retry_after_s", [None, 0.0, 12.5])
def test_throttling_keeps_how_long_to_wait(retry_after_s: float | None) -> None:
    error = Throttled("slow down", retry_after_s)

    assert (str(error), error.retry_after_s) == ("slow down", retry_after_s)


OUTSIDE_THE_TREE = {
    "_DuplicateKeyError": "a key that is there twice in seed tasks; caught in the same module",
    "_Refusal": "the scripted batch server answers with it; it is caught in the same module",
    "_Withdrawn": "ends a stream whose key was revoked; the response cannot say so any more",
    "BrokenRow": "a row of a file that becomes an `Unreadable` value",
    "Interrupted": "unwinds a task of a worker that stops, which is no failure",
    "LostHold": "the work belongs to another process now, which is no failure",
    "Stopped": "the worker stops and the next one continues, which is no failure",
}
"""Exceptions that are not expected failures, with the reason."""


def exception_classes(path: Path) -> list[tuple[str, str]]:
    """The classes of a module that may be exceptions: name and first base."""
    classes = (
        node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)
    )
    return [(one.name, ast.unparse(one.bases[0])) for one in classes if one.bases]


def test_every_exception_of_the_code_is_in_the_tree_or_listed_with_a_reason() -> None:
    modules = [path for folder in ("app", "workers") for path in (ROOT / folder).rglob("*.py")]
    pairs = [pair for path in modules for pair in exception_classes(path)]
    exceptions = {name for name, kind in vars(builtins).items() if is_exception(kind)}
    builtin = set(exceptions)
    while found := {n for n, base in pairs if base.split(".")[-1] in exceptions} - exceptions:
        exceptions |= found

    in_tree = {name for name, kind in vars(errors).items() if is_exception(kind)}
    assert exceptions - builtin == in_tree | set(OUTSIDE_THE_TREE)
    assert all(issubclass(getattr(errors, name), SeedbedError) for name in in_tree)


def is_exception(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseException)


def test_the_tree_is_drawn_as_it_is() -> None:
    def drawn(kind: type[Exception]) -> list[str]:
        lower = [line for child in kind.__subclasses__() for line in drawn(child)]
        return [kind.__name__, *lower]

    in_the_docstring = re.findall(r"^[│ ]*(?:[├└]── )?([A-Z]\w+)(?= {2,}|$)", TREE, re.MULTILINE)
    assert in_the_docstring == drawn(SeedbedError)


def test_there_are_four_kinds_of_provider_trouble() -> None:
    kinds = {kind.__name__ for kind in ProviderError.__subclasses__()}

    assert {"Throttled", "Outage", "ItemError", "RunError"} <= kinds


def test_a_defect_is_not_in_the_tree() -> None:
    assert not issubclass(ValueError, SeedbedError)
    assert not issubclass(SeedbedError, ValueError | RuntimeError | OSError)
