"""The readers of chat replies on their own: JSON lists, marked lists, tags."""

import pytest

from app.pipeline.default.reading import (
    field,
    json_items,
    list_items,
    tagged_pairs,
    text_of,
    unmarked,
)


def test_a_json_list_is_none_where_the_key_is_not_there() -> None:
    assert json_items('{"other": [1]}', "instances") is None


def test_a_json_list_is_none_where_the_key_holds_something_else() -> None:
    assert json_items('{"instances": "none"}', "instances") is None


@pytest.mark.parametrize("text", ['"k":[1,2]', '"k" :\n [ 1 , 2 ]', '"k": [1 2', '"k": [1, 2, "x'])
def test_a_json_list_is_read_up_to_where_it_breaks_off(text: str) -> None:
    assert json_items(text, "k") == [1, 2]


def test_a_json_list_ends_at_an_item_that_is_no_json() -> None:
    assert json_items('"k": [1, two, 3]', "k") == [1]


def test_what_follows_a_json_list_is_not_read() -> None:
    assert json_items('{"k": [1], "l": [2]}', "k") == [1]


def test_a_list_has_what_stands_before_it_apart() -> None:
    assert list_items("Here:\n 1. a\n\n2) b\nmore\n- c") == ("Here:", ("a", "b\nmore", "c"))


def test_text_without_marks_has_no_items() -> None:
    assert list_items("Nothing 1. here, 10:30.") == ("Nothing 1. here, 10:30.", ())


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("12. a", "a"),
        ("* a", "a"),
        ("a 1. b", "a 1. b"),
        ("- 5 + 3", "- 5 + 3"),
        ("2024. a", "2024. a"),
    ],
)
def test_a_mark_is_taken_off_the_beginning_alone(text: str, plain: str) -> None:
    assert unmarked(text) == plain


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (" a ", "a"),
        (1, "1"),
        (None, None),
        ([], "[]"),
        ({"é": None}, '{"é": null}'),
        (False, "false"),
    ],
)
def test_a_json_value_becomes_text(value: object, text: str | None) -> None:
    assert text_of(value) == text


def test_a_field_of_something_without_fields_is_not_there() -> None:
    assert field(["input"], "input") is None
    assert field({"output": "a"}, "input") is None


def test_a_tag_that_is_never_closed_hides_no_other() -> None:
    text = "<input>a <output>b</output> <input>c</input>"

    assert tagged_pairs(text, first="output") == [{"input": "a <output>b</output> <input>c"}]
    assert tagged_pairs("<input>a <output>b</output>", first="input") == [{"output": "b"}]


def test_a_tag_inside_another_is_its_content() -> None:
    text = "<output>Put <input> into the form.</output><input>x</input>"

    assert tagged_pairs(text, first="output") == [
        {"output": "Put <input> into the form.", "input": "x"}
    ]


def test_a_tag_of_the_same_name_again_begins_a_new_pair() -> None:
    text = "<output>a</output><output>b</output>"

    assert tagged_pairs(text, first="input") == [{"output": "a"}, {"output": "b"}]
