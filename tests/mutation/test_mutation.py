"""The tool that measures the unit tests: where code can be mutated, and which mutants are drawn."""

from collections import Counter
from textwrap import dedent

import pytest

from tests.mutation.run import closing_line, drawn, mirrored_tests
from tests.mutation.sites import Mutant, mutants_of


def changes(source: str) -> list[tuple[str, str]]:
    return [(one.before, one.after) for one in mutants_of("app/a.py", dedent(source))]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = a < b", [("<", "<=")]),
        ("x = a and not b", [("and", "or"), ("not ", "")]),
        ("x = min(a, 2)", [("min", "max"), ("2", "(2 + 1)")]),
        ("x = {'a': True}", [("True", "False")]),
        ('x = "key"', [("key", "Mey")]),
        ('x = "Key"', [("Key", "Mey")]),
        ('x = "May"', [("May", "Nay")]),
    ],
)
def test_one_token_is_replaced(source: str, expected: list[tuple[str, str]]) -> None:
    quoted = [(before.strip('"'), after.strip('"')) for before, after in changes(source)]
    assert quoted == expected


def test_what_no_unit_test_should_hold_is_left_out() -> None:
    source = '''
        """Text 1."""
        from typing import TYPE_CHECKING, Literal, TypedDict
        if TYPE_CHECKING:
            A = 1
        __all__ = ["name"]
        _log = logging.getLogger("name")
        class Row(TypedDict, total=False):
            """Text."""
            kind: Literal["one"]
        @cached(size=3)
        def do(a: "int", b: Literal[1, 2]) -> Literal["x"]:
            _log.warning("late", 3)
            raise ValueError("a text for people")
    '''
    assert changes(source) == []


def test_a_mutant_changes_its_token_only() -> None:
    source = 'n = 1\nx = "ü" if a else b + 1\n'
    *_, plus, one = mutants_of("app/a.py", source)
    assert plus.applied(source) == 'n = 1\nx = "ü" if a else b - 1\n'
    assert one.applied(source) == 'n = 1\nx = "ü" if a else b + (1 + 1)\n'


def test_a_mutant_is_refused_where_its_token_is_not() -> None:
    (mutant,) = mutants_of("app/a.py", "x = 1\n")
    with pytest.raises(ValueError, match="not in the source"):
        mutant.applied("y = 2 + 1\n")


def module(text: str, path: str) -> list[Mutant]:
    return mutants_of(path, dedent(text))


FIRST = "".join(f"def f{n}():\n    return {n} + {n}\n\n" for n in range(60))
SECOND = "class C:\n    size = 3\n    def f(self):\n        return self.size * 2\n"


def test_the_draw_is_the_same_after_an_edit_elsewhere() -> None:
    code = [*module(FIRST, "app/one/a.py"), *module(SECOND, "app/two/b.py")]
    before = drawn(code, 20, seed=7)
    moved = [*module("import os\n\n" + FIRST, "app/one/a.py"), *module(SECOND, "app/two/b.py")]
    assert [one.site for one in drawn(moved, 20, seed=7)] == [one.site for one in before]

    changed = FIRST.replace("return 5 + 5", "return 5 + 4")
    edited = [*module(changed, "app/one/a.py"), *module(SECOND, "app/two/b.py")]
    after = {one.site for one in drawn(edited, 20, seed=7)}
    untouched = {one.site for one in before if ": f5: " not in one.site}
    assert len(untouched - after) <= 2, "new sites can take the places of as many others"


def test_another_seed_draws_others() -> None:
    code = module(FIRST, "app/one/a.py")
    draws = {tuple(one.site for one in drawn(code, 10, seed)) for seed in range(5)}
    assert len(draws) == 5


def test_every_package_is_drawn_at_least_once() -> None:
    code = [*module(FIRST, "app/one/a.py"), *module("X = 1\n", "app/two/b.py")]
    code += [*module("X = 1\n", "app/alone.py"), *module("X = 1\n", "workers/c.py")]
    for seed in range(20):
        sample = drawn(code, 5, seed)
        assert len(set(sample)) == 5
        assert {one.path for one in sample} == {one.path for one in code}


def test_what_is_written_twice_in_a_function_is_told_apart() -> None:
    sites = Counter(one.site for one in mutants_of("app/a.py", "x = f(1, 1)\nx = f(1, 1)\n"))
    assert set(sites.values()) == {1}
    assert [site[-2:] for site in sites] == ["1)", "#2", "#3", "#4"]


def test_the_nearest_tests_run_first_and_none_twice() -> None:
    own, importing, *folders = mirrored_tests("app/store/runs/runs.py")
    assert own == ["tests/unit/store/runs/test_runs.py"]
    assert "tests/unit/store/runs/test_slots.py" in importing
    ignored = [f"--ignore={path}" for path in [*own, *importing[:-1]]]
    assert folders == [
        ["tests/unit/store/runs", *ignored],
        ["tests/unit/store", *ignored, "--ignore=tests/unit/store/runs"],
    ]


def test_a_module_without_a_package_has_the_tests_without_one() -> None:
    own, *others = mirrored_tests("app/states.py")
    assert own == ["tests/unit/test_states.py"]
    assert "tests/unit/test_settings.py" in others[-1]
    assert not any("/store/" in path for paths in others for path in paths)


def test_the_closing_line_counts_and_decides() -> None:
    nine = ["caught"] * 9
    line, passed = closing_line([*nine, "SURVIVED", "equivalent"])
    assert line == "9 of 10 mutants caught (90.0%, wanted 90%), 1 equivalent"
    assert passed
    assert not closing_line([*nine, "SURVIVED", "SURVIVED"])[1]
