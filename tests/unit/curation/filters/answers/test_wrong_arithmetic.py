import operator
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.curation.filter import Dropped
from app.curation.filters.answers.wrong_arithmetic import apply, asked_expression, evaluate
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


@pytest.mark.parametrize(
    ("asked", "answer", "is_right"),
    [
        ("10 / 4", "2.5", True), ("10 / 4", "2", False), ("10 / 4", "3", False),
        ("10 / 4", "1", False), ("10 / 4", "4", False), ("10 / 4", "2.6", False),
        ("10 / 4", "5/2", True), ("10 / 4", "2 1/2", True), ("10 / 4", "7/3", False),
        ("10 / 4", "2 1/0", False), ("9 / 4", "2", True), ("9 / 4", "3", False),
        ("2 / 3", "0.66", True), ("2 / 3", "0.67", True), ("2 / 3", "0.65", False),
        ("2 / 3", "0.68", False), ("2 + 2", "5", False), ("2 + 2", "It is 4, not 5", True),
        ("2 + 2", "2 + 2 = 4", True), ("2 + 2", "4 + 0 = 5", False), ("2 + 2", "4 = four", True),
        ("2 - 5", "\u22123", True), ("2 - 5", "-3", True), ("2 - 5", "3", False),
        ("1000 * 2", "2,000", True), ("1000 * 2", "2,001", False), ("2 + 2", "four", True),
        ("2 + 2", "5 approx", True), ("2 + 2", "5 %", True), ("2 + 2", "5 " + "x" * 2_000, False),
        ("2 + 2", "5 " + "x" * 1_997 + "4", True), ("2 + 2", "5 " + "x" * 1_998 + "4", False),
        ("2 + 2", "5 " + "x" * 1_995 + " 45", False), ("2 + 2", "5 " + "x" * 1_996 + " 45", True),
    ],
)  # fmt: skip
def test_an_answer_is_right_as_far_as_it_shows_digits(
    asked: str, answer: str, is_right: bool
) -> None:
    assert isinstance(apply(Record(f"What is {asked}?", answer)), Dropped) is not is_right


def test_the_value_and_the_last_number_are_in_the_detail() -> None:
    assert apply(Record("What is 2 + 2?", "5 or 6")) == Dropped(
        "wrong_arithmetic", "2 + 2 is 4, not 6"
    )
    assert apply(Record("What is 2 / 3?", "5")) == Dropped(
        "wrong_arithmetic", "2 / 3 is 0.666667, not 5"
    )


@pytest.mark.parametrize(
    ("text", "is_read"),
    [
        ("1" * 198 + "+1", True), ("1" * 199 + "+1", False),
        ("+".join("1" * 67), True), ("+".join("1" * 68), False),
        ("2 ** 64", True), ("2 ** 65", False), ("2 ** -64", True), ("2 ** -65", False),
        ("8 ** 64 ** 1", True), ("2 ** 64 * 2 ** 64", True),
        ("(2 ** 63) ** 32", True), ("(2 ** 64) ** 32", False), ("(2 ** 64) ** 31 * 2 ** 62", True),
        ("(2 ** 64) ** 31 * 2 ** 63", False), ("1 / ((2 ** 64) ** 31 * 2 ** 62)", True),
    ],
)  # fmt: skip
def test_an_expression_is_read_up_to_its_limits(text: str, is_read: bool) -> None:
    assert (evaluate(text) is not None) is is_read


@pytest.mark.parametrize(("zeros", "is_asked"), [(188, True), (189, False)])
def test_a_long_question_is_not_read(zeros: int, is_asked: bool) -> None:
    number = "1" + "0" * zeros
    assert (asked_expression(Record(f"What is {number}+1?", "")) is not None) is is_asked
    padded = number.ljust(198, "0") if is_asked else number.ljust(199, "0")
    assert (asked_expression(Record("Calculate this:", "", f"{padded}+1")) is not None) is is_asked
