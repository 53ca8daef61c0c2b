"""Fields of JSON values become text."""

import pytest

from app.pipeline.replies.json_fields import field, text_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (" a ", "a"),
        (1, "1"),
        (None, None),
        ([], "[]"),
        ({"é": None}, '{"é": null}'),
        (False, "false"),
        ("\x0crac{1}{2}", r"\frac{1}{2}"),
        ("\x08oxed{4}", r"\boxed{4}"),
        ("2 \times 3", r"2 \times 3"),
        ("\right)", r"\right)"),
        ("a\tb", "a\tb"),
        ("a\tone", "a\tone"),
        ("a\timestamp", "a\timestamp"),
        ("a\r\nb", "a\r\nb"),
    ],
)
def test_a_json_value_becomes_text(value: object, text: str | None) -> None:
    assert text_of(value) == text


def test_a_field_of_something_without_fields_is_not_there() -> None:
    assert field(["input"], "input") is None
    assert field({"output": "a"}, "input") is None
