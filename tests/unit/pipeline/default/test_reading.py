"""The readers of chat replies on their own: JSON lists and tags."""

import pytest

from app.pipeline.default.reading import json_items, tagged_pairs


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
