import operator
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.curation.filters.wrong_arithmetic import asked_expression, evaluate
from app.dataset_row import Record

OPERATORS: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}
EXPRESSIONS = st.recursive(
    st.integers(0, 99).map(lambda number: (str(number), Fraction(number))),
    lambda inner: st.builds(
        lambda sign, left, right: (
            f"({left[0]} {sign} {right[0]})",
            OPERATORS[sign](left[1], right[1]),
        ),
        st.sampled_from(sorted(OPERATORS)),
        inner,
        inner,
    ),
    max_leaves=8,
)


@given(EXPRESSIONS)
def test_an_expression_has_its_exact_value(expression: tuple[str, Fraction]) -> None:
    text, value = expression
    assert evaluate(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1 + 0.2", Fraction(3, 10)),
        ("1/3 + 1/6", Fraction(1, 2)),
        ("2 ^ 10", Fraction(1024)),
        ("2 ** -1", Fraction(1, 2)),
        ("1,000,000 / 4", Fraction(250_000)),
        ("7 \u00d7 6 \u00f7 2", Fraction(21)),
        ("9 \u2212 4", Fraction(5)),
        ("3 x 4", Fraction(12)),
        ("12x12", Fraction(144)),
        ("-(2 + 3)", Fraction(-5)),
    ],
)
def test_the_usual_spellings_are_read(text: str, value: Fraction) -> None:
    assert evaluate(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "1 / 0",
        "0 ** -1",
        "2 ** 0.5",
        "9 ** 9 ** 9",
        "2 ** 64 ** 64",
        "((9 ** 64) ** 64) ** 64",
        "3x + 2",
        "2(3)",
        "1, 2",
        "08 + 1",
        "__import__('os')",
        "(1).bit_length()",
        "[1] * 9",
        "'a' * 9",
        "1 if 1 else 2",
        "True + 1",
        "1j * 1j",
        "1 +",
        "(" * 150,
        "-" * 150 + "1",
        "1" * 201,
        "",
    ],
)
def test_what_has_no_plain_value_or_too_large_a_one_is_not_judged(text: str) -> None:
    assert evaluate(text) is None


@pytest.mark.parametrize(
    ("instruction", "given_input", "expression"),
    [
        ("What is 2 + 2?", "", "2 + 2"),
        ("Please calculate the value of (3 + 4) * 2.", "", "(3 + 4) * 2"),
        ("Evaluate the following expression:", "8 / 2 = ?", "8 / 2"),
        ("Evaluate the following expression:", "8 apples", None),
        ("What is 2 + 2?", "3 + 3", None),
        ("What is the date 2020-01-01 known for?", "", None),
        ("Call 555-1234.", "", None),
        ("What is 7?", "", None),
    ],
)
def test_only_a_plain_question_for_a_value_is_one(
    instruction: str, given_input: str, expression: str | None
) -> None:
    assert asked_expression(Record(instruction, "", given_input)) == expression
