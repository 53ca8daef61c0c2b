"""Stage 2 of the default profile: yes, no or unknown; the calibrated margin where there is one."""

import math
import time

import pytest

from app.pipeline.calibration import CONTENT_FREE, MOST_BIAS, bias_of
from app.pipeline.default.classify import yes_margin
from app.pipeline.profiles import PROFILES
from app.pipeline.types import ReadLabel
from tests.unit.pipeline.making import label, reply


@pytest.mark.parametrize("text", ["Yes", "yes", "YES", " Yes.", "**Yes**", '"yes"', "Yes, it is."])
def test_a_word_of_yes_is_classification(text: str) -> None:
    assert label("default", reply(text), None) == ReadLabel(is_classification=True)


@pytest.mark.parametrize(
    "text",
    [
        "No",
        "no",
        "NO",
        " No.",
        "**No**",
        "No, it is written.",
        "Not classification",
        "It does not have a limited set of labels, so no.",
        "There can't be a fixed label, therefore no.",
    ],
)
def test_a_word_of_no_is_not_classification(text: str) -> None:
    assert label("default", reply(text), None) == ReadLabel(is_classification=False)


@pytest.mark.parametrize(
    "text", ["", " ", "Maybe", "Yesterday", "Not sure", "None", "N", "42", "\x00?"]
)
def test_anything_else_is_unknown_and_never_a_silent_no(text: str) -> None:
    assert label("default", reply(text), None) == ReadLabel(None)


def test_the_time_for_blank_lines_does_not_grow_with_the_square_of_their_number() -> None:
    began = time.process_time()
    assert label("default", reply("Yes" + "\n" * 300_000 + "No"), None) == ReadLabel(None)
    # It took minutes, in which the run's row was locked.
    assert time.process_time() - began < 5


@pytest.mark.parametrize("text", ["Yes", "Maybe"])
def test_the_margin_decides_over_the_word(text: str) -> None:
    read = label("default", reply(text, top_logprobs={"Yes": -2.0, "No": -0.5}), None)

    assert read == ReadLabel(is_classification=False, confidence=-1.5)


@pytest.mark.parametrize(
    ("bias", "is_classification", "confidence"),
    [(None, True, 1.5), (0.0, True, 1.5), (1.0, True, 0.5), (2.0, False, -0.5), (1.5, False, 0.0)],
)
def test_the_models_bias_is_taken_off_the_margin(
    bias: float | None, confidence: float, *, is_classification: bool
) -> None:
    read = label("default", reply("Yes", top_logprobs={"Yes": -0.5, "No": -2.0}), bias)

    assert read == ReadLabel(is_classification, confidence)


def test_a_bias_says_nothing_where_there_are_no_logprobs() -> None:
    assert label("default", reply("Yes"), 5.0) == ReadLabel(is_classification=True)


def test_logprobs_without_yes_and_no_leave_it_to_the_word() -> None:
    read = label("default", reply("Yes", top_logprobs={"Maybe": -0.1, "Sure": -3.0}), 1.0)

    assert read == ReadLabel(is_classification=True)


def test_logprobs_without_yes_and_no_leave_nonsense_unknown() -> None:
    assert label("default", reply("Sure", top_logprobs={"Sure": -0.1}), 1.0) == ReadLabel(None)


def test_all_spellings_of_a_word_add_up() -> None:
    margin = yes_margin({"Yes": math.log(0.2), " yes": math.log(0.3), "no": math.log(0.25)})

    assert margin == pytest.approx(math.log(2))


def test_a_missing_no_is_taken_to_be_as_likely_as_the_least_likely_token() -> None:
    assert yes_margin({"Yes": -0.5, "Maybe": -3.0, "Sure": -4.0}) == pytest.approx(3.5)


def test_a_missing_yes_is_taken_to_be_as_likely_as_the_least_likely_token() -> None:
    assert yes_margin({"No": -0.5, "Maybe": -3.0, "Sure": -4.0}) == pytest.approx(-3.5)


def test_one_of_the_two_alone_has_no_margin_to_speak_of() -> None:
    assert yes_margin({"Yes": -0.5}) == 0.0


@pytest.mark.parametrize("logprobs", [{}, {"Maybe": -0.1}, {"Yesterday": -0.1, "Nothing": -0.2}])
def test_there_is_no_margin_without_the_two_words(logprobs: dict[str, float]) -> None:
    assert yes_margin(logprobs) is None


@pytest.mark.parametrize("never", [-math.inf, -9_999.0, -3.4e38, math.nan])
def test_a_token_that_never_comes_leaves_the_margin_finite(never: float) -> None:
    for_yes = yes_margin({"Yes": -0.5, "No": never})
    for_no = yes_margin({"Yes": never, "No": -0.5})

    assert (for_yes, for_no) == (99.5, -99.5)


@pytest.mark.parametrize("never", [-math.inf, -9_999.0, math.nan])
def test_two_tokens_that_never_come_leave_it_to_the_word(never: float) -> None:
    logprobs = {"Maybe": -0.1, "Yes": never, "No": never}

    assert label("default", reply("Maybe", top_logprobs=logprobs), None) == ReadLabel(None)


@pytest.mark.parametrize("strange", [800.0, math.inf, 1e308])
def test_a_probability_above_one_counts_as_one(strange: float) -> None:
    assert yes_margin({"Yes": strange, "No": -2.0}) == pytest.approx(2.0)


def test_the_bias_is_measured_on_tasks_that_say_nothing() -> None:
    assert PROFILES["default"].calibration == CONTENT_FREE
    assert all(not any(word.islower() for word in task.split()) for task in CONTENT_FREE)


def test_the_bias_is_the_mean_margin_for_tasks_that_say_nothing() -> None:
    assert bias_of([-2.5, -1.0, -2.5]) == -2.0
    assert bias_of([]) == 0.0


def test_a_strong_models_firm_no_to_nothing_does_not_turn_its_answers_around() -> None:
    bias = bias_of([-14.0, -11.0, -16.0])
    assert bias == -MOST_BIAS
    assert -9.0 - bias < 0


def test_a_token_a_hundred_nats_down_never_comes() -> None:
    assert yes_margin({"Yes": -100.0}) is None
    assert yes_margin({"Yes": -99.5, "No": -0.5}) == -99.0
    assert yes_margin({"Maybe": -100.0, "No": -0.5}) == -99.5


def test_a_margin_of_nothing_is_a_no() -> None:
    assert label(
        "default", reply("Yes", top_logprobs={"Yes": -1.0, "No": -1.0}), None
    ) == ReadLabel(False, 0.0)


@pytest.mark.parametrize(
    ("text", "is_yes"),
    [
        ("Answer: No", False),
        ("The answer is **No**", False),
        ("<answer>no</answer>", False),
        (r"\boxed{No}", False),
        (r"$\boxed{\text{No}}$", False),
        ('{"answer": "yes"}', True),
        ('{"is_classification": false, "reason": "x"}', False),
        ("No, this is a writing task.", False),
        ("**Yes**", True),
        ("Yes it is", True),
        ("No it is not", False),
        ("yes and no", None),
        ("it's not clear whether yes or no", None),
        ("I can't say no to that", None),
        ("No idea", None),
        ("Yes or no?", None),
        ("Maybe", None),
        ("", None),
        ("Not sure", None),
        ("None", None),
        ("Yesterday", None),
        ("Is it yes or no? It asks to write.\n\nNo", False),
        ("It could be yes or no.\nAnswer: Yes", True),
        ("I would say no.", False),
        ("The answer is not yes.", None),
        ("It is no classification task", None),
        ("I think yes", True),
        ("[[Yes]]", True),
        ('```json\n{"label": "No"}\n```', False),
        ("Final answer: **Yes**.", True),
        ("Label: No", False),
        ("- No", False),
        ("> Yes", True),
        ("No.\nThe task asks to write, so the answer is not one of yes or no.", False),
        ("Yes. The labels are yes and no.", True),
        ("Classification: Yes", True),
        ("The task is to write a poem. No.", False),
        ("It has no labels.", None),
        ("No clear labels, so yes", None),
        ("Answer: yes\nAnswer: no", False),
        ("No\n\nTask: Is 17 a prime number?\nYes", False),
        ("No\n\nYes", None),
        ("Yes, but only if the labels are named.", None),
        ("It is not the case that the answer is yes.", None),
        ("Yes, since the answer is either yes or no.", True),
        ("This is a classification task because the labels are fixed.", True),
        ("The task is not a classification task.", False),
        ("It isn't a classification task.", False),
        ("Not a classification task.", False),
        ("I don't think this is a classification task.", None),
        ("If labels are given, it is a classification task.", None),
        ("A classification task is one with labels.", None),
        ("False", False),
        ("Yep", True),
        ("No. Yes.", None),
        ("Yes\nNo\nNo", None),
        ("I'd say yes, since the labels are fixed.", True),
        ("I can't say yes, because it is open.", None),
    ],
)
def test_a_clear_answer_is_read_wherever_it_stands(text: str, is_yes: bool | None) -> None:
    assert label("default", reply(text)).is_classification is is_yes


@pytest.mark.parametrize(
    ("text", "language", "is_yes"),
    [
        ("Ja", "German", True),
        ("Nein, das ist eine Schreibaufgabe.", "German", False),
        ("Nein", "Deutsch", False),
        ("Oui", "French", True),
        ("Non.", "fr", False),
        ("Sí", "Spanish", True),
        ("Да", "Russian", True),
        ("Нет, это задание.", "Russian", False),
        ("是", "Chinese", True),
        ("否", "Chinese", False),
        ("不是", "Chinese", False),
        ("不是分类任务。", "Chinese", False),
        ("这是分类任务。", "Chinese", True),
        ("是的\uff0c这是分类任务。", "Chinese", True),
        ("はい", "Japanese", True),
        ("いいえ。", "Japanese", False),
        ("예", "Korean", True),
        ("아니요", "Korean", False),
        ("نعم", "Arabic", True),
        ("لا", "Arabic", False),
        ("हाँ", "Hindi", True),
        ("नहीं", "Hindi", False),
        ("Evet", "Turkish", True),
        ("Hay\u0131r", "Turkish", False),
        ("Tak", "Polish", True),
        ("Nie", "Polish", False),
        ("Không", "Vietnamese", False),
        ("ไม่ใช่", "Thai", False),
        ("ใช่", "Thai", True),
        ("Ja", None, True),
        ("Nein", None, False),
        ("Нет", None, False),
        ("否", None, False),
        ("Antwort: Nein", "German", False),
        ("答案\uff1a否", "Chinese", False),
        ("答案是\uff1a是", "Chinese", True),
        ("Tak", None, None),
        ("לא", "Hebrew", False),
        ("Não", "Portuguese", False),
        ("Sim", None, True),
        ("Tidak", "Indonesian", False),
        ("No", "German", False),
        ("Brazilian Portuguese: x", "Portuguese", None),
        ("\u038c\u03c7\u03b9", "Greek", False),
        ("\u041d\u0456", "Ukrainian", False),
        ("не", "Bulgarian", False),
        ("Nu", "Romanian", False),
        ("Igen", "Hungarian", True),
        ("Kyllä", "Finnish", True),
        ("Ei", "Finnish", False),
        ("\u0909\u0924\u094d\u0924\u0930: \u0939\u093e\u0901", "Hindi", True),
    ],
)
def test_an_answer_in_the_language_of_the_run_is_read(
    text: str, language: str | None, is_yes: bool | None
) -> None:
    assert label("default", reply(text), language=language).is_classification is is_yes


def test_the_margin_of_a_reply_that_begins_with_thoughts_is_not_used() -> None:
    logprobs = {"<think>": -0.1, "Yes": -3.0, "No": -4.0}

    assert label("default", reply("<think>So.</think>No", top_logprobs=logprobs)) == ReadLabel(
        False
    )


@pytest.mark.parametrize("text", ["The answer is no", "Answer: no", "<think>So no"])
def test_the_last_word_of_a_reply_that_was_cut_off_may_go_on(text: str) -> None:
    assert label("default", reply(text, "length")) == ReadLabel(None)
