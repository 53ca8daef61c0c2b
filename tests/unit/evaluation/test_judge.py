"""A judge in pairs: asked in both orders, read strictly, and never believed on one order alone."""

import json
from collections.abc import Callable

import pytest

from app.dataset_row import Exchange, Record
from app.evaluation.judge import (
    ORDERS,
    Judgement,
    Judging,
    Order,
    Pair,
    Verdict,
    build_request,
    is_one_of,
    judge_figures,
    read_judgement,
    settle,
)
from app.pipeline.types import ChatPrompt, Completion, Request

PAIR = Pair("7", Record("Add.", "5", "2 and 3"), base="six", tuned="five")


def pairs(count: int) -> list[Pair]:
    return [Pair(str(i), Record("Say it.", "x"), f"base {i}", f"tuned {i}") for i in range(count)]


def judged(all_pairs: list[Pair], says: Callable[[str, str], Verdict | None]) -> list[Judgement]:
    """Ask a judge that is a function of what stands first and second, through the real prompts."""
    found = []
    for pair in all_pairs:
        for order in ORDERS:
            shown = text_of(build_request(pair, order, Judging()))
            first = shown.split("<first_answer>\n")[1].split("\n</first_answer>")[0]
            second = shown.split("<second_answer>\n")[1].split("\n</second_answer>")[0]
            verdict = says(first, second)
            said = None if verdict is None else replied(json.dumps({"verdict": verdict}))
            found.append(read_judgement(pair.task_id, order, said))
    return found


def text_of(request: Request) -> str:
    assert isinstance(request.prompt, ChatPrompt)
    return request.prompt.messages[-1].content


def replied(text: str, finish_reason: str = "stop") -> Completion:
    return Completion(text, finish_reason, "judge")


def likes_tuned(first: str, _second: str) -> Verdict:
    return "first" if first.startswith("tuned") else "second"


def test_a_judge_that_always_says_first_gives_a_tie() -> None:
    asked = pairs(20)
    figures = judge_figures("biased", asked, judged(asked, lambda *_: "first"), 0.95)
    assert (figures.wins, figures.ties, figures.losses) == (0, 20, 0)
    assert figures.score is not None
    assert figures.score.value == 0.5
    assert (figures.said_first, figures.said_second, figures.orders_differ) == (40, 0, 20)


def test_an_honest_judge_is_believed_whatever_the_order() -> None:
    asked = pairs(20)
    figures = judge_figures("honest", asked, judged(asked, likes_tuned), 0.95)
    assert (figures.wins, figures.ties, figures.losses) == (20, 0, 0)
    assert (figures.said_first, figures.said_second, figures.orders_differ) == (20, 20, 0)


def test_failed_judgements_are_counted_and_never_a_win() -> None:
    asked = pairs(10)

    def fails_when_tuned_is_second(first: str, _second: str) -> Verdict | None:
        return "first" if first.startswith("tuned") else None

    said = judged(asked, fails_when_tuned_is_second)
    figures = judge_figures("flaky", asked, said, 0.95)
    assert (figures.wins, figures.ties, figures.losses, figures.failed) == (0, 0, 0, 10)
    assert figures.score is None


def test_a_pair_asked_about_once_is_not_judged() -> None:
    once = Judgement("7", "base_first", "second")
    assert settle([once]) == "unasked"
    assert settle([once, once]) == "unasked"
    assert settle([]) == "unasked"


@pytest.mark.parametrize(
    ("base_first", "tuned_first", "outcome"),
    [
        ("second", "first", "win"),
        ("first", "second", "loss"),
        ("first", "first", "tie"),
        ("second", "second", "tie"),
        ("tie", "tie", "tie"),
        ("tie", "first", "tie"),
        (None, "first", "failed"),
        ("second", None, "failed"),
    ],
)
def test_an_answer_wins_only_if_it_wins_in_both_places(
    base_first: Verdict | None, tuned_first: Verdict | None, outcome: str
) -> None:
    both = [Judgement("7", "base_first", base_first), Judgement("7", "tuned_first", tuned_first)]
    assert settle(both) == outcome


def test_identical_answers_are_a_tie_that_nobody_is_asked_about() -> None:
    same = Pair("1", Record("Say it.", "x"), "x ", "x")
    figures = judge_figures("none", [same], [], 0.95)
    assert (figures.ties, figures.identical, figures.failed) == (1, 1, 0)


def test_a_judge_that_all_pairs_convince_is_not_sure_beyond_them() -> None:
    asked = pairs(5)
    figures = judge_figures("sure", asked, judged(asked, likes_tuned), 0.95)
    assert figures.score is not None
    assert (figures.score.value, figures.score.high) == (1, 1)
    assert figures.score.low is not None
    assert figures.score.low < 0.6
    # Five of five heads or tails.
    assert figures.p_value == 0.0625


def test_pairs_that_nobody_asked_about_are_told_apart_from_those_that_failed() -> None:
    asked = [*pairs(3), Pair("same", Record("Say it.", "x"), "y", "y")]
    said = judged(asked[:2], lambda *_: "tie")
    said[0] = Judgement("0", "base_first", None)
    figures = judge_figures("slow", asked, said[:3], 0.95)
    assert (figures.ties, figures.failed, figures.unasked, figures.identical) == (1, 1, 2, 1)
    assert figures.outcomes == {"0": "failed", "1": "unasked", "2": "unasked", "same": "identical"}


def test_whether_the_longer_answers_win_is_reported() -> None:
    record = Record("Say it.", "x")
    asked = [
        Pair("0", record, "short", "a longer answer"),
        Pair("1", record, "a longer answer", "brief"),
        Pair("2", record, "equal", "as it"),
    ]

    def likes_length(first: str, second: str) -> Verdict:
        return "first" if len(first) > len(second) or second == "equal" else "second"

    figures = judge_figures("wordy", asked, judged(asked, likes_length), 0.95)
    assert (figures.longer_won, figures.shorter_won) == (2, 0)
    assert (figures.wins, figures.losses) == (2, 1)


@pytest.mark.parametrize(
    ("judge", "is_there"),
    [
        ("smollm2-135m-instruct", True),
        ("HuggingFaceTB/SmolLM2-135M-Instruct", True),
        ("smollm2-360m-instruct", False),
        ("training_1", True),
    ],
)
def test_a_judge_that_is_one_of_the_two_is_known_by_its_name(judge: str, is_there: bool) -> None:
    assert is_one_of(judge, ["SmolLM2-135M-Instruct", "training_1"]) == is_there


def test_the_score_has_an_interval_over_pairs() -> None:
    asked = pairs(40)

    def likes_three_of_four(first: str, _second: str) -> Verdict:
        number = int(first.split()[1])
        liked = "base" if number % 4 == 0 else "tuned"
        return "first" if first.startswith(liked) else "second"

    figures = judge_figures("even", asked, judged(asked, likes_three_of_four), 0.95)
    assert (figures.wins, figures.losses) == (30, 10)
    assert figures.score is not None
    assert figures.score.value == 0.75
    assert figures.score.low is not None
    assert 0.5 < figures.score.low < 0.75


def test_both_orders_show_the_same_but_for_the_answers_places() -> None:
    one, other = (text_of(build_request(PAIR, order, Judging())) for order in ORDERS)
    assert one != other
    assert one.replace("six", "X").replace("five", "six").replace("X", "five") == other
    versions = {build_request(PAIR, order, Judging()).prompt_version for order in ORDERS}
    assert len(versions) == 1
    assert versions.pop().startswith("evaluation/pair@")


def test_the_conversation_and_the_reference_are_shown() -> None:
    chat = Record("And now?", "noon", system="Be brief.", history=(Exchange("Hi", "Hello"),))
    pair = Pair("1", chat, "morning", "evening")
    shown = text_of(build_request(pair, "base_first", Judging()))
    for words in ("Be brief.", "Hi", "Hello", "And now?", "<reference>\nnoon\n</reference>"):
        assert words in shown
    hidden = text_of(build_request(pair, "base_first", Judging(shows_reference=False)))
    assert "noon" not in hidden


def test_a_schema_is_asked_for_only_where_the_endpoint_has_them() -> None:
    with_schema = build_request(PAIR, "base_first", Judging()).prompt
    without = build_request(PAIR, "base_first", Judging(json_answers=False)).prompt
    assert isinstance(with_schema, ChatPrompt)
    assert isinstance(without, ChatPrompt)
    assert with_schema.schema is not None
    assert without.schema is None
    assert "<verdict>" in without.messages[0].content


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ('{"reason": "right sum", "verdict": "second"}', "second"),
        ('```json\n{"reason": "x", "verdict": "Tie"}\n```', "tie"),
        ("<reason>better</reason><verdict> first </verdict>", "first"),
        ("<think>first?</think><verdict>second</verdict>", "second"),
        ("The second is right.\nVerdict: **second**", "second"),
        ("Verdict: first.", "first"),
        ("The verdict is: tie.", "tie"),
        ("Verdict: The first answer is better.", "first"),
        ("<verdict>**first**</verdict>", "first"),
        ("<verdict>the second answer</verdict>", "second"),
        ("{'reason': 'x', 'verdict': 'tie',}", "tie"),
        ('For {"a": 1}: {"reason": "x", "verdict": "first"}', "first"),
        ('{"verdict": "first"} {"verdict": "second"}', None),
        ("Verdict: first is worse", None),
        ("Verdict: not first", None),
        ("Verdict: first or second", None),
        ("The first answer is better.", None),
        ("<verdict>first</verdict><verdict>second</verdict>", None),
        ('{"verdict": "first"} <verdict>second</verdict>', None),
        ('{"verdict": "third"}', None),
        ('{"verdict": null}', None),
        ("[]{}", None),
        ("", None),
        ("{" * 5000, None),
    ],
)
def test_a_verdict_is_read_where_it_is_clear_and_nowhere_else(
    text: str, verdict: Verdict | None
) -> None:
    assert read_judgement("7", "base_first", replied(text)).verdict == verdict


def test_a_verdict_in_words_of_a_reply_that_was_cut_off_is_none() -> None:
    assert read_judgement("7", "base_first", replied("Verdict: first", "length")).verdict is None


@pytest.mark.parametrize("order", ORDERS)
def test_a_call_without_an_answer_is_a_failed_judgement(order: Order) -> None:
    assert read_judgement("7", order, None).outcome == "failed"
