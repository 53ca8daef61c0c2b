"""Refusals in a row: which words are equal, when a run should pause, and what ends a streak."""

import pytest

from app.errors import ContextExceeded, ItemError, NoAnswer, NoText, Outage, TextFiltered
from app.pipeline.types import Stage
from app.services.model_calls.streaks import (
    LIMIT,
    Streaks,
    alike,
    is_refusal,
    key_of,
    streaks_from,
)

ROLE = "The endpoint answered 400: System role not supported. The endpoint refused it."
EQUAL = {
    "numbers": (
        "your request has 700 input tokens (1024 > 1024 - 700)",
        "your request has 812 input tokens (1024 > 1024 - 812)",
    ),
    "ids of requests": (
        "Model crashed. Request id: req_7fa81b22",
        "Model crashed. Request id: req_19c0d4ee",
    ),
    "quoted text": (
        "Unexpected token in 'Write a poem about rain'",
        "Unexpected token in 'List four rivers in Asia'",
    ),
    "letters of another case": ("Model Not Loaded", "model not loaded"),
    "addresses": (
        "worker http://10.0.0.7:8000/a is gone",
        "worker http://10.0.0.9:8000/b is gone",
    ),
    "times": ("CUDA error at 18:03:22.511", "CUDA error at 18:03:23.007"),
    "one word of many": (
        "the engine of the model is dead, restart the server now please: alpha",
        "the engine of the model is dead, restart the server now please: beta",
    ),
    "another language": ("系统角色不受支持 12", "系统角色不受支持 57"),
}
DIFFERENT = (
    ("System role not supported", "The model has crashed"),
    ("", "The model has crashed"),
    ("prompt too long", "prompt refused by the filter of the provider"),
)


@pytest.mark.parametrize("name", EQUAL)
def test_words_are_equal_but_for_what_differs_from_call_to_call(name: str) -> None:
    first, second = EQUAL[name]
    assert alike(key_of(first), key_of(second))


def test_words_that_say_something_else_are_different() -> None:
    for first, second in DIFFERENT:
        assert not alike(key_of(first), key_of(second))
    assert alike(key_of("400 17"), key_of("503 18")), "nothing is left of both"


def refuse(streaks: Streaks, count: int, words: str = ROLE, **more: int) -> None:
    stage = Stage.REVIEW if more.get("review") else Stage.GENERATE
    for n in range(count):
        item = more.get("item", more.get("start", 0) + n)
        streaks.refused(stage, item, words, lambda: more.get("in_flight", 0))


@pytest.mark.parametrize("items", [1, LIMIT], ids=["one item", "many items"])
def test_many_equal_refusals_in_a_row_are_long(items: int) -> None:
    streaks = Streaks()
    for n in range(LIMIT - 1):
        refuse(streaks, 1, f"{ROLE} ({n})", item=n % items)
    assert streaks.long is None
    refuse(streaks, 1)
    assert streaks.long is not None
    stage, streak = streaks.long
    assert (stage, streak.calls, streak.words) == (Stage.GENERATE, LIMIT, ROLE)


def test_an_answer_of_the_same_stage_ends_the_streak_and_one_of_another_does_not() -> None:
    streaks = Streaks()
    refuse(streaks, LIMIT - 1)
    streaks.answered(Stage.CLASSIFY)
    assert streaks.any_open
    streaks.answered(Stage.GENERATE)
    assert not streaks.any_open
    refuse(streaks, LIMIT - 1)
    assert streaks.long is None


def test_refusals_in_changing_words_take_three_times_as_many() -> None:
    words = ("The model is gone.", "No system role here, please.", "Out of cheese error.")
    streaks = Streaks()
    for n in range(3 * LIMIT - 1):
        refuse(streaks, 1, words[n % 3], item=n)
    assert streaks.long is None
    refuse(streaks, 1, words[2])
    assert streaks.long is not None


def test_calls_that_were_in_flight_together_are_not_enough() -> None:
    streaks = Streaks()
    refuse(streaks, 64, in_flight=64)
    assert streaks.long is None, "they were sent before anybody could know"
    refuse(streaks, 3, start=64, in_flight=64)
    assert streaks.long is not None


def test_a_few_rows_that_are_refused_again_and_again_do_not_pause_a_review() -> None:
    streaks = Streaks()
    for _ in range(LIMIT):
        refuse(streaks, LIMIT - 1, review=1)
    assert streaks.long is None
    refuse(streaks, 1, start=LIMIT, review=1)
    assert streaks.long is not None


def test_streaks_are_stored_and_read_as_they_are() -> None:
    streaks = Streaks()
    refuse(streaks, 3)
    refuse(streaks, 2, review=1)
    assert streaks_from(streaks.stored()) == streaks
    assert streaks_from({}) == Streaks()


def test_after_a_second_resume_that_met_the_same_words_more_calls_are_allowed() -> None:
    streaks = Streaks()
    for wanted in (LIMIT, LIMIT, 2 * LIMIT, 4 * LIMIT):
        refuse(streaks, wanted - 1)
        assert streaks.long is None
        refuse(streaks, 1)
        assert streaks.long is not None
        streaks.resume()
        assert not streaks.any_open
    refuse(streaks, 1, "Quite another thing is wrong now.")
    assert streaks.by_stage[Stage.GENERATE].resumes == 0


def paid(words: str, kind: type[ItemError] = ItemError) -> ItemError:
    error = kind(words)
    error.may_be_paid = True
    return error


@pytest.mark.parametrize(
    ("trouble", "alike_prompts", "varied_prompts"),
    [
        (ItemError("System role not supported"), True, True),
        (Outage("CUDA error"), True, True),
        (ContextExceeded("maximum context length is 512"), True, False),
        (TextFiltered("not this text"), False, False),
        (paid("no text in the answer"), False, False),
        (NoAnswer("an empty object"), True, True),
        (paid("without text", NoText), True, True),
    ],
    ids=["refused", "down", "too long", "filtered", "unusable", "nothing", "no text"],
)
def test_a_refusal_says_something_about_other_calls(
    trouble: ItemError | Outage, *, alike_prompts: bool, varied_prompts: bool
) -> None:
    assert is_refusal(trouble, prompts_vary=False) is alike_prompts
    assert is_refusal(trouble, prompts_vary=True) is varied_prompts
