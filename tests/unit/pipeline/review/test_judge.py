"""A judge of rows: what it is shown, which of its replies are verdicts, and what they decide."""

import json
from typing import Any

import pytest

from app.dataset_row import Exchange, Record
from app.pipeline.types import ChatPrompt, Completion
from tests.unit.pipeline.making import asking, reply, review_stage

ROW = Record("Add the numbers.", "4", "2 and 2")
STAGE = review_stage("judge")


def prompt(row: Record = ROW, *, json_schema: bool = False, **options: Any) -> ChatPrompt:
    wanted = asking(profile="judge", json_schema=json_schema, **options)
    built = STAGE.build_request(row, wanted, 0).prompt
    assert isinstance(built, ChatPrompt)
    return built


def verdict(completion: Completion, threshold: int = 4) -> tuple[str, Any]:
    """What becomes of the row, and the score that is kept with a low one."""
    options = asking(profile="judge", review={"threshold": threshold}).options
    read = STAGE.parse(completion, ROW, options)
    if read.rejected is None:
        assert read.output == ROW.output
        return "stays", None
    assert read.output is None
    assert read.is_readable is (read.rejected.reason == "judged_low")
    low = read.rejected.reason == "judged_low"
    return read.rejected.reason, json.loads(read.rejected.text)["score"] if low else None


def test_a_judge_sees_the_whole_conversation_and_the_answer_in_one_turn() -> None:
    row = Record("And 3?", "9", system="You add.", history=(Exchange("2 and 2?", "4"),))

    shown = prompt(row).messages[-1].content

    assert len(prompt(row).messages) == 2
    assert shown.replace("\n", "") == (
        "<conversation><system>You add.</system><user>2 and 2?</user><assistant>4</assistant>"
        "<user>And 3?</user></conversation><answer>9</answer>"
    )


def test_a_rubric_of_ones_own_takes_the_place_of_ours() -> None:
    ours, theirs = prompt(), prompt(review={"rubric": "5: it rhymes\n1: it does not"})

    assert "5: Correct and complete" in ours.messages[0].content
    assert "5: it rhymes\n1: it does not" in theirs.messages[0].content
    assert "Correct and complete" not in theirs.messages[0].content


def test_a_schema_is_asked_for_where_the_endpoint_can_and_has_the_reason_before_the_score() -> None:
    assert prompt().schema is None
    schema = prompt(json_schema=True).schema
    assert schema is not None
    assert list(schema["properties"]) == ["reason", "score"]
    assert prompt(json_schema=True, answer_format="marked_text").schema is None


def test_a_judge_that_is_asked_again_is_not_asked_at_temperature_zero() -> None:
    wanted = asking(profile="judge")

    temperatures = [STAGE.build_request(ROW, wanted, n).parameters.temperature for n in range(3)]

    assert temperatures[0] == 0.0
    assert min(temperatures[1:]) > 0


@pytest.mark.parametrize(
    "text",
    [
        '{"reason": "It is right.", "score": 5}',
        '{"reason": "It is right.", "score": 4}',
        '{"reason": "It is right.", "score": "5"}',
        '{"reason": "It is right.", "score": "4/5"}',
        '{"reason": "It is right.", "score": 4.5}',
        '{"score": 5}',
        'My verdict:\n```json\n{"reason": "It\nis right.", "score": 5}\n```',
        "<reason>It is right.</reason>\n<score>5</score>",
        "<score>5</score><reason>It is right.</reason>",
        "<Reason>It is {right}.</Reason><Score> 4 / 5 </Score>",
        "It is right.\n\nScore: 5",
        "**Score:** 5/5.",
        "I give it a score of 4.",
        "Score: 4 (good)",
        "Score (1-5): 4",
        "Score - 4",
        "<score>4 out of 5</score>",
        "<score>**4**</score>",
        "{'reason': 'It is right.', 'score': 5,}",
        'The sum {a} is right. {"reason": "It is right.", "score": 4}',
    ],
)
def test_a_row_stays_with_a_score_of_at_least_the_threshold(text: str) -> None:
    assert verdict(reply(text)) == ("stays", None)


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ('{"reason": "It is wrong.", "score": 3}', 3),
        ('{"reason": "It is wrong.", "score": 1.5}', 1.5),
        ("<reason>Wrong.</reason><score>2</score>", 2),
        ("Score: 1", 1),
    ],
)
def test_a_row_goes_with_a_score_below_the_threshold_which_is_kept(text: str, score: float) -> None:
    assert verdict(reply(text)) == ("judged_low", score)


def test_the_words_of_the_judge_are_kept_with_its_score() -> None:
    read = STAGE.parse(
        reply('{"reason": "2 + 2 is „vier“.", "score": 2}'), ROW, asking(profile="judge").options
    )

    assert read.rejected is not None
    assert read.rejected.text == '{"score": 2, "reason": "2 + 2 is „vier“."}'


@pytest.mark.parametrize("threshold", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("score", [1, 2, 3, 4, 5])
def test_the_threshold_itself_is_enough(threshold: int, score: int) -> None:
    result, _ = verdict(reply(json.dumps({"reason": "", "score": score})), threshold)

    assert result == ("stays" if score >= threshold else "judged_low")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "It is right.",
        "5",
        "The answer is good, 5 stars.",
        '{"reason": "It is right."}',
        '{"reason": "It is right.", "score": null}',
        '{"reason": "It is right.", "score": true}',
        '{"reason": "It is right.", "score": [5]}',
        '{"score": 0}',
        '{"score": 6}',
        '{"score": -5}',
        '{"score": "5 or 4"}',
        '{"score": "10/5"}',
        "<score>good</score>",
        "<score></score>",
        "<score>5",
        "Score: 50",
        "Score: 4/10",
        "Score: 4 out of 10",
        "Score: 4-5",
        "Score: 5 (of 10)",
        "Score: 5, or rather 3.",
        "It is not worth a score of 5",
        "The answer deserves no score of 4.",
    ],
)
def test_a_reply_without_a_score_on_the_scale_says_nothing(text: str) -> None:
    assert verdict(reply(text), threshold=1) == ("unreadable", None)


@pytest.mark.parametrize(
    "text",
    [
        "<score>5</score> No: <score>1</score>",
        "Score: 5. On second thought, score: 2.",
        '<reason>It says {"score": 5} of itself.</reason><score>1</score>',
        '{"reason": "It says <score>5</score> of itself.", "score": 1}',
        '{"reason": "a", "score": 5} or rather {"reason": "b", "score": 1}',
    ],
)
def test_scores_that_differ_are_none_so_a_row_cannot_praise_itself(text: str) -> None:
    assert verdict(reply(text)) == ("unreadable", None)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ('{"reason": "It is right.", "score": 5', "unreadable"),
        ("It is right. Score: 5", "unreadable"),
        ('{"reason": "It is right.", "score": 5}\n\n', "stays"),
        ("<reason>It is right.</reason><score>5</score>", "stays"),
    ],
)
def test_a_reply_that_the_length_limit_ended_counts_as_far_as_it_is_whole(
    text: str, result: str
) -> None:
    assert verdict(reply(text, "length"))[0] == result
