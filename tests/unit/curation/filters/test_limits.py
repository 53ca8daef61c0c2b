"""Limits of the filters that have few: lengths, quotations and switches, on both sides."""

import pytest

from app.curation.filter import Dropped
from app.curation.filters.answers import (
    echo,
    invalid_json,
    invalid_python,
    invented_links,
    refusal,
    unseen_input,
)
from app.curation.filters.code_look import looks_like_code
from app.curation.filters.damage import empty_output, leftover_markers, no_input
from app.dataset_row import Record

TASK = "Describe a lighthouse."


def test_a_long_text_is_no_spelling_of_no_input() -> None:
    for length, said in ((60, True), (61, False)):
        assert no_input.says_no_input(TASK, "no input".ljust(length, "-") + " ") is said
        assert no_input.says_no_input(TASK, "-" * length) is said


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("", "empty_output"),
        (" \t\r\n\f\v\u00a0\u200b\ufeff", "empty_output"),
        ("\x00\x01", "empty_output"),
        (" " * 300, "empty_output"),
        ("no output".ljust(60, "-"), "placeholder_output"),
        ("no output".ljust(61, "-"), "placeholder_output"),
        ("no output needed".ljust(60, "-"), "placeholder_output"),
        ("no output needed".ljust(61, "-"), None),
        ("no output, for".ljust(200, "x"), "placeholder_output"),
        ("no output, for".ljust(201, "x"), None),
    ],
    ids=range(10),
)
def test_an_output_is_empty_or_says_so_up_to_a_length(output: str, reason: str | None) -> None:
    found = empty_output.apply(Record(TASK, output))
    assert (found.reason if isinstance(found, Dropped) else None) == reason


def test_a_placeholder_that_is_given_or_of_code_stays() -> None:
    assert isinstance(empty_output.apply(Record(TASK, "no output")), Dropped)
    for record in (
        Record("Say no output", "no output"),
        Record("Run the program.", "no output, for it ends"),
    ):
        assert empty_output.apply(record) is record


@pytest.mark.parametrize(
    ("instruction", "given", "output", "reason"),
    [
        (TASK, "", "describe a LIGHTHOUSE.", "echoes_instruction"),
        (TASK, "a b", "Describe a lighthouse. a b", "echoes_instruction"),
        (TASK, "a b", "Describe a lighthouse.", "echoes_instruction"),
        (TASK, "a b c", "a b c", "echoes_input"),
        (TASK, "a b", "a b", None),
        (TASK, "a b c", "a b C", None),
        ("Repeat a lighthouse.", "", "Repeat a lighthouse.", None),
        ("Sort this.", "a b c", "a b c", None),
        (f"a{' ' * 12}b", "", "a b", "echoes_instruction"),
        (f"a{' ' * 13}b", "", "a b", None),
        ("a b", "", f"a{' ' * 4}b", "echoes_instruction"),
        ("a b", "", f"a{' ' * 5}b", None),
        (TASK, "", "", None),
    ],
)
def test_an_echo_is_equal_but_for_its_form(
    instruction: str, given: str, output: str, reason: str | None
) -> None:
    found = echo.apply(Record(instruction, output, given))
    assert (found.reason if isinstance(found, Dropped) else None) == reason


@pytest.mark.parametrize(
    ("link", "wanted", "is_dropped"),
    [
        ("https://www.foghorn.net/a", "Describe.", True),
        ("https://www.foghorn.net/a", "Describe foghorn.net", False),
        ("www.foghorn.net", "Describe a foghorn", False),
        ("www.fog.net", "Describe a fog", True),
        ("www.mist.net", "Describe a mist", False),
        ("www.foghorn.net/" + "a" * 23, "Describe a foghorn", False),
        ("www.foghorn.net/" + "a" * 24, "Describe a foghorn", True),
        ("WWW.FOGHORN.NET", "Describe.", True),
        ("http://localhost/a", "Describe.", False),
        ("http://127.0.0.1/a", "Describe.", False),
        ("http://www.example.com./a", "Describe.", False),
        ("http://foghorn.net./a", "Describe foghorn.net", False),
        ("https://www.foghorn.net/a", "Describe with a link", False),
    ],
)
def test_a_link_is_invented_unless_it_is_given_near_or_reserved(
    link: str, wanted: str, is_dropped: bool
) -> None:
    found = invented_links.apply(Record(wanted, f"See {link} today"))
    assert (found == Dropped("invented_link", link)) is is_dropped


def test_a_stand_in_for_a_link_is_dropped_unless_it_was_given() -> None:
    for wanted, output, dropped in (
        (TASK, "See [link] today", True),
        (f"{TASK} [link]", "See [link] today", False),
        ("Fill the template.", "See [link] today", False),
        (TASK, "```\n[link]\n```", False),
    ):
        found = invented_links.apply(Record(wanted, output))
        assert (found == Dropped("link_stand_in", "[link]")) is dropped


def test_a_refusal_is_looked_for_at_the_beginning() -> None:
    for filler, dropped in ((241, True), (242, False)):
        output = "x" * filler + " as an AI language model I do"
        found = refusal.apply(Record(TASK, output))
        assert isinstance(found, Dropped) is dropped
        if isinstance(found, Dropped):
            assert found.detail == output[:120]


@pytest.mark.parametrize(
    "sign",
    [
        "As an AI", "as an ai here", "GPT models cannot", "gpt models cannot",
        "As a language model", "As an artificial intelligence", "As a virtual assistant",
        "As a chatbot", "being a text-based", "I do not have personal", "I do not have feelings",
        "I don't have emotions", "I do not have consciousness", "I do not have a physical",
        "I do not have real-time access", "This is my programming", "It is in my training data",
        "It is after my knowledge cutoff",
    ],
)  # fmt: skip
def test_a_model_speaks_of_itself_in_each_of_these_ways(sign: str) -> None:
    assert isinstance(refusal.apply(Record(TASK, f"Well, {sign} so.")), Dropped)


def test_long_json_and_long_python_are_not_judged() -> None:
    for length, dropped in ((1_000_000, True), (1_000_001, False)):
        found = invalid_json.apply(Record("Write JSON.", "{" * 2 + " " * (length - 2)))
        assert isinstance(found, Dropped) is dropped
    for length, dropped in ((50_000, True), (50_001, False)):
        found = invalid_python.apply(Record("Write Python code.", "x = = 1".ljust(length, "#")))
        assert isinstance(found, Dropped) is dropped


@pytest.mark.parametrize(
    ("output", "fault"),
    [
        ("{", None),
        ("{}", None),
        ("[1", "Expecting ',' delimiter: line 1 column 3 (char 2)"),
        ("{} as asked", None),
        ("[] }" + "x" * 90, "what follows the value: }" + "x" * 39),
        ("[] ]", "what follows the value: ]"),
        ("[], 1", "what follows the value: , 1"),
        ("{} : 1", "what follows the value: : 1"),
        ("Here:\n```json\n[1\n```", "Expecting ',' delimiter: line 1 column 3 (char 2)"),
        ("1,", None),
    ],
)
def test_json_is_judged_where_it_begins_as_such(output: str, fault: str | None) -> None:
    record = Record("Write JSON.", output)
    found = invalid_json.apply(record)
    assert found == (record if fault is None else Dropped("invalid_json", fault))


@pytest.mark.parametrize(("deep", "dropped"), [(60, True), (61, False)])
def test_python_is_judged_up_to_a_depth(deep: int, dropped: bool) -> None:
    for opening, closing in ("()", "[]", "{}"):
        code = f"x = = {opening * deep}{closing * deep}"
        found = invalid_python.apply(Record("Write Python code.", code))
        assert isinstance(found, Dropped) is dropped
        flat = f"x = = {opening + closing}" + f", {opening + closing}" * 90
        assert isinstance(invalid_python.apply(Record("Write Python code.", flat)), Dropped)


@pytest.mark.parametrize(("signs", "dropped"), [(243, True), (244, False)])
def test_python_is_judged_up_to_a_number_of_signs(signs: int, dropped: bool) -> None:
    for sign in "-+~":
        found = invalid_python.apply(Record("Write Python code.", f"x = = {sign * signs}1"))
        assert isinstance(found, Dropped) is dropped


@pytest.mark.parametrize(
    ("output", "left"),
    [
        ("Output: a b", "a b"),
        ("a b <|endoftext|>", "a b"),
        ("a b\n###", "a b"),
        ("Response: Output: a b </s>", "a b"),
        ("[INST] a b", "a b"),
        ("<noinput>. a b", "a b"),
        ("###\na b", "a b"),
        ("a b" + " \n###" * 39, "a b"),
        ("Output:", "Output:"),
        ("Output: a\nInput: b", "Output: a\nInput: b"),
    ],
)
def test_markers_at_the_ends_are_removed(output: str, left: str) -> None:
    found = leftover_markers.apply(Record(TASK, output))
    assert isinstance(found, Record)
    assert found.output == left


@pytest.mark.parametrize(
    ("output", "detail"),
    [
        ("a\nInstruction: b", "Instruction:"),
        ("a\nUSER: b", "USER:"),
        ("a\nHuman: b", "Human:"),
        ("a\n1. Instruction: b", "1. Instruction:"),
        ("a\n### Input:\nb", "### Input:"),
        ("a <noinput> b", "<noinput>"),
        ("a [INST] b", "[INST]"),
        ("a <<SYS>> b", "<<SYS>>"),
        ("a\nInput: b\nOutput: c", "Input: b\nOutput:"),
        ("a\nInput : b\nOutput : c", "Input : b\nOutput :"),
        ("Example 6\na", "Example 6"),
        ("Task 7\na\nTask 8\nb", "Example 7"),
        ("Example 1\na\nExample 2\nb", None),
        ("a\nInput:" + "x" * 150 + "\nOutput: c", "x" * 92 + "\nOutput:"),
    ],
)
def test_markers_within_drop_a_record(output: str, detail: str | None) -> None:
    record = Record(TASK, output)
    found = leftover_markers.apply(record)
    assert found == (record if detail is None else Dropped("leftover_marker", detail))


def test_what_is_unseen_is_quoted() -> None:
    assert unseen_input.apply(Record("Describe it.", "a", " photo.jpg ")) == Dropped(
        "unseen_input", "photo.jpg"
    )
    assert unseen_input.apply(Record("Describe this photo.", "a")) == Dropped(
        "unseen_input", "this photo"
    )


@pytest.mark.parametrize(
    ("text", "is_code"),
    [("x = 1", True), ("a b c", False), ("print(x)", True), ("Say it (so).", False), ("}", True)],
)
def test_code_is_seen_at_a_glance(text: str, is_code: bool) -> None:
    assert looks_like_code(text) is is_code


def test_a_detail_is_cut_to_two_hundred_characters() -> None:
    assert Dropped("a", "x" * 201).detail == "x" * 200
