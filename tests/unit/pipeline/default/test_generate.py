"""Stage 1 of the default profile reads every whole item, with none of the originals' faults."""

import json

import pytest

from app.pipeline.default.generate import STAGE
from app.pipeline.demonstrations import Demonstration
from app.pipeline.types import Candidate, ChatPrompt, Rejected
from tests.unit.pipeline.making import asking, candidates, dropped, reply, texts

TWO = ["Name three NASA missions.", "Count the vowels in it."]
IN_JSON = json.dumps({"instructions": TWO})
IN_TEXT = "1. Name three NASA missions.\n2. Count the vowels in it."


def read(text: str, finish_reason: str = "stop") -> list[str]:
    return texts(candidates("default", reply(text, finish_reason)))


def test_json_and_a_numbered_list_are_read_alike() -> None:
    assert read(IN_JSON) == read(IN_TEXT) == TWO


def test_case_is_kept() -> None:
    assert read("1. translate what NASA said") == ["translate what NASA said"]


@pytest.mark.parametrize("numbers", [(1, 3), (9, 10), (2, 2), (7, 1), (15, 160)])
def test_a_skipped_number_loses_nothing(numbers: tuple[int, int]) -> None:
    first, second = numbers

    assert read(f"{first}. {TWO[0]}\n{second}. {TWO[1]}") == TWO


@pytest.mark.parametrize("mark", ["1. ", "1) ", "1: ", "- ", "* ", "• ", "**1.** ", "Task 1: "])
def test_a_list_may_be_marked_in_any_usual_way(mark: str) -> None:
    assert read(f"{mark}{TWO[0]}\n{mark}{TWO[1]}") == TWO


def test_numbers_inside_the_text_are_no_marks() -> None:
    text = "1. Is 16. the right answer, at 10:30?\n2. Add 1. and 2. now."

    assert read(text) == ["Is 16. the right answer, at 10:30?", "Add 1. and 2. now."]


def test_a_line_that_begins_with_a_time_of_day_goes_on_with_its_item() -> None:
    assert read("1. Say what to do at\n10:30 in the morning.") == [
        "Say what to do at 10:30 in the morning."
    ]


def test_what_stands_before_the_list_is_no_instruction() -> None:
    assert read(f"Here are two new tasks:\n\n{IN_TEXT}") == TWO


def test_a_blank_line_between_items_ends_nothing() -> None:
    assert read(IN_TEXT.replace("\n", "\n\n")) == TWO


@pytest.mark.parametrize(
    "around", ["```json\n{}\n```", "Here you are:\n{}\nDo ask for more.", "{}{}", "\ufeff{}"]
)
def test_fences_and_prose_around_json_are_read_past(around: str) -> None:
    assert read(around.replace("{}", IN_JSON, 1).replace("{}", "")) == TWO


def test_json_cut_off_inside_an_item_keeps_the_whole_ones() -> None:
    result = candidates(
        "default", reply('{"instructions": ["Name three NASA missions.", "Count the', "length")
    )

    assert texts(result) == TWO[:1]
    assert dropped(result) == ["cut_off"]


def test_a_list_cut_off_keeps_all_items_but_the_last() -> None:
    result = candidates("default", reply(f"{IN_TEXT}\n3. Say in which", "length"))

    assert texts(result) == TWO
    assert result.items[-1] == Rejected("Say in which", "cut_off")


def test_only_the_end_of_a_long_reply_is_kept_with_its_rejection() -> None:
    result = candidates("default", reply('{"instructions": ["' + "a" * 9_000, "length"))

    assert result.items == (Rejected("a" * 500, "cut_off"),)


def test_a_line_break_inside_a_json_string_loses_nothing() -> None:
    assert (
        read('{"instructions": ["Name three\nNASA missions.", "Count the\tvowels in it."]}') == TWO
    )


def test_json_with_a_comma_too_many_is_read() -> None:
    assert read(IN_JSON.replace('", "', '", , "').replace('"]', '",]')) == TWO


@pytest.mark.parametrize("value", ["42", "true", '{"a": [1, "é"]}', "null", "[]"])
def test_what_is_no_text_in_json_is_rejected_and_the_rest_is_read(value: str) -> None:
    completion = f'{{"instructions": [{value}, "Count the vowels in it."]}}'
    first, second = candidates("default", reply(completion)).items
    assert isinstance(first, Rejected)
    assert (first.text, first.reason) == (value, "unreadable")
    assert second == Candidate(TWO[1])


def test_an_object_with_the_instruction_inside_is_read() -> None:
    assert read('{"instructions": [{"instruction": "Count the vowels in it."}]}') == TWO[1:]


def test_a_number_that_a_model_puts_into_json_is_left_out() -> None:
    assert read('{"instructions": ["1. Name three NASA missions."]}') == TWO[:1]


@pytest.mark.parametrize("wrapped", ['"{}"', "**{}**", "**{}", ' "{}" ', "{}\n"])
def test_quotes_and_bold_marks_around_an_item_are_left_out(wrapped: str) -> None:
    assert read(f"1. {wrapped.format(TWO[0])}") == TWO[:1]


@pytest.mark.parametrize("text", ['"Yes" or "no"', 'Say "yes"', '"', '""', "2 ** 3"])
def test_quotes_and_stars_inside_an_item_stay(text: str) -> None:
    assert read(f"1. {text}") == [text]


@pytest.mark.parametrize("text", ["I cannot help with that.", "", " \n", '{"tasks": []}', "{"])
def test_a_reply_without_any_item_is_unreadable_and_kept(text: str) -> None:
    assert candidates("default", reply(text)).items == (Rejected(text, "unreadable"),)


@pytest.mark.parametrize("text", ['{"instructions": []}', '{"instructions": [oops]}'])
def test_json_without_any_item_is_unreadable(text: str) -> None:
    assert dropped(candidates("default", reply(text))) == ["unreadable"]


def test_escapes_in_json_bring_no_text_that_cannot_be_stored() -> None:
    (text,) = read(r'{"instructions": ["Name\u0000 three \ud800 missions, \ud83d\ude80."]}')

    assert text == "Name three ? missions, 🚀."


def test_a_nul_and_half_a_surrogate_pair_in_the_reply_are_left_out() -> None:
    assert read("1. Name\x00 three \udfff missions.") == ["Name three ? missions."]


def test_a_reply_with_two_hundred_items_is_read_whole() -> None:
    result = candidates("default", reply("\n".join(f"{n}. Count to {n}." for n in range(1, 201))))

    assert (len(texts(result)), dropped(result)) == (200, [])


def test_of_a_reply_with_hundreds_of_items_two_hundred_are_read() -> None:
    result = candidates("default", reply("\n".join(f"{n}. Count to {n}." for n in range(1, 251))))

    assert texts(result) == [f"Count to {n}." for n in range(1, 201)]
    assert result.items[-1] == Rejected("more than 200 items", "too_many_items")


def test_structures_nested_to_any_depth_raise_nothing() -> None:
    # Somewhere below a thousand one can just be read and no more be written.
    for depth in (100, *range(800, 1_000), 100_000):
        text = '{"instructions": ["Count the vowels in it.", ' + "[" * depth + "]" * depth + "]}"
        assert read(text)[0] == TWO[1]


def test_a_number_of_ten_thousand_digits_raises_nothing() -> None:
    assert read('{"instructions": ["Count the vowels in it.", ' + "9" * 10_000 + "]}") == TWO[1:]


@pytest.mark.parametrize("answer_format", ["auto", "json_schema", "marked_text"])
@pytest.mark.parametrize("supported", [True, False])
def test_a_schema_is_asked_for_where_it_is_wanted_and_there(
    answer_format: str, *, supported: bool
) -> None:
    wanted = asking(json_schema=supported, answer_format=answer_format, tasks_per_request=5)
    prompt = STAGE.build_request([Demonstration("Count.")], wanted).prompt
    assert isinstance(prompt, ChatPrompt)

    expected = supported if answer_format == "auto" else answer_format == "json_schema"

    assert (prompt.schema is not None) is expected
    assert ("JSON" in prompt.messages[1].content) is expected
    if prompt.schema is not None:
        assert prompt.schema["properties"]["instructions"]["maxItems"] == 5


def test_language_and_share_of_classification_are_asked_for_in_words() -> None:
    prompt = STAGE.build_request(
        [Demonstration("Count.")], asking(language="Malay", classification_share=0.15)
    ).prompt
    assert isinstance(prompt, ChatPrompt)

    assert "written in Malay" in prompt.messages[0].content
    assert "15% of the new tasks are classification" in prompt.messages[0].content
