"""No reply, however strange, raises; and what is made of it keeps its promises."""

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.dataset_row import Record
from app.pipeline.screening import first_broken
from app.pipeline.types import Candidate, Completion, Instance, Rejected
from tests.unit.pipeline.making import (
    INSTRUCTION,
    asking,
    candidates,
    instance_stage,
    label,
    profile_of,
    review_stage,
)

FRAGMENTS = (
    "Example 1", "Example", "Output:", "Output 2 :", "Input:", "Input 1 1", "Class label:", "Task:",
    "###", "4. Instruction:", "4. Input:\n", "4. Output:\n", "5. Instruction:", "5. Input:\n",
    "5. Output:\n", "<noinput>", "\n1. ", "\n16. ", "\n- ", "\n\n", "\n", " ", ":", "```json\n",
    '{"instructions": [', '{"instances": [', '{"input": "a", "output": "b"}', '{"output": null}',
    '{"input": ["\\ud800"], "output": {"\\u0000": 1e999}}', '"a\\u0000b"', '"\\udfff"', '"', "\\",
    "[", "]", "{", "}", ",", "NaN", "-Infinity", "9" * 5_000, "[" * 1_200, "]" * 1_200,
    "<input>", "</input>", "<output>", "</output>", "<OUTPUT>", "None", "N/A", "a", "b", "same",
    INSTRUCTION, "Yes", "no", "\x00", "\ud800", "\udfff", "\u2028", "\u0661", "**", "é", "写一首诗",
)  # fmt: skip
any_text = st.text(st.characters(exclude_categories=()), max_size=12)
reply_texts = st.lists(st.sampled_from(FRAGMENTS) | any_text, max_size=40).map("".join) | st.text()
tokens = st.sampled_from(["Yes", " yes", "YES", "No", " no", "Maybe", ""]) | any_text
replies = st.builds(
    Completion,
    text=reply_texts,
    finish_reason=st.sampled_from(["stop", "length", "content_filter", ""]) | st.text(max_size=5),
    model=st.just("a model"),
    top_logprobs=st.none()
    | st.dictionaries(
        tokens,
        st.floats() | st.sampled_from([-math.inf, math.inf, math.nan, 0.0, -9_999.0, 800.0]),
        max_size=5,
    ),
)
quick = settings(deadline=None, max_examples=150)


def storable(text: str) -> bool:
    """Whether every database and file takes the text."""
    return "\x00" not in text and text == text.encode("utf-8", "replace").decode("utf-8")


@pytest.mark.parametrize("profile", ["default", "paper", "alpaca"])
@quick
@given(completion=replies)
def test_any_reply_is_read_as_candidates_or_rejected_with_a_reason(
    profile: str, completion: Completion
) -> None:
    read = candidates(profile, completion)

    assert read.items
    for item in read.items:
        if isinstance(item, Rejected):
            assert item.reason
        else:
            reason = first_broken(profile_of(profile).rules, item.text)
            assert reason is None or reason
    if profile == "default":
        assert len(read.items) <= 201
        assert all(storable(item.text) for item in read.items)
    else:
        any_candidate = any(isinstance(item, Candidate) for item in read.items)
        assert profile == "alpaca" or not (completion.cut_off and any_candidate)


@quick
@given(completion=replies)
def test_any_task_that_alpaca_reads_has_one_instance_with_an_output(
    completion: Completion,
) -> None:
    for item in candidates("alpaca", completion).items:
        if isinstance(item, Candidate):
            (instance,) = item.instances
            assert instance.output
            assert instance.input.lower() != "<noinput>"


@pytest.mark.parametrize("profile", ["paper", "default"])
@quick
@given(completion=replies, bias=st.none() | st.floats(-100, 100))
def test_any_reply_is_a_yes_a_no_or_unknown(
    profile: str, completion: Completion, bias: float | None
) -> None:
    read = label(profile, completion, bias)

    if profile == "paper":
        assert read.is_classification is (completion.text.strip() in {"Yes", "yes", "YES"})
    if read.confidence is not None:
        assert math.isfinite(read.confidence)
        assert read.is_classification is (read.confidence > 0)


def check_kept(kept: tuple[Instance, ...], most: int) -> None:
    assert len(kept) <= most
    assert len(set(kept)) == len(kept)
    assert all(one.output and one.output != one.input for one in kept)
    assert not any(one.output.endswith(":") for one in kept)
    inputs = [one.input for one in kept if one.input]
    assert len(set(inputs)) == len(inputs)


@pytest.mark.parametrize("stage", ["input_first", "output_first"])
@quick
@given(completion=replies, most=st.integers(1, 20))
def test_any_reply_gives_the_paper_instances_that_keep_its_rules(
    stage: str, completion: Completion, most: int
) -> None:
    options = asking(profile="paper", instances_per_instruction=most).options

    read = instance_stage("paper", stage).parse(completion, INSTRUCTION, options)

    check_kept(read.kept, min(most, 5))
    assert read.kept or read.rejected
    assert all(rejected.reason for rejected in read.rejected)
    assert not any(one.input.endswith(":") for one in read.kept)


@pytest.mark.parametrize("stage", ["input_first", "output_first"])
@quick
@given(completion=replies, most=st.integers(1, 20))
def test_any_reply_gives_the_default_instances_that_keep_its_rules(
    stage: str, completion: Completion, most: int
) -> None:
    options = asking(instances_per_instruction=most).options

    read = instance_stage("default", stage).parse(completion, INSTRUCTION, options)

    check_kept(read.kept, most)
    assert read.kept or read.rejected
    assert sum(not one.input for one in read.kept) <= 1
    assert all(one.output != INSTRUCTION for one in read.kept)
    assert all(rejected.reason and storable(rejected.text) for rejected in read.rejected)
    assert all(storable(one.input) and storable(one.output) for one in read.kept)


verdicts = st.sampled_from(
    (
        '{"reason": "a", "score": 5}', '{"score": "4/5"', '"score": 4', "<score>5</score>",
        "<score>", "</score>", "<reason>", "</reason>", "<SCORE> 1 </SCORE>", "Score: 5", "score",
        "5/5", "{", "}", "score of 4.5",
    )
)  # fmt: skip
reviews = st.builds(
    Completion,
    text=st.lists(verdicts | st.sampled_from(FRAGMENTS) | any_text, max_size=12).map("".join),
    finish_reason=st.sampled_from(["stop", "length"]),
    model=st.just("a model"),
)


@pytest.mark.parametrize("profile", ["judge", "re_answer"])
@quick
@given(completion=reviews, threshold=st.integers(1, 5))
def test_any_reply_about_a_row_keeps_it_or_says_why_not(
    profile: str, completion: Completion, threshold: int
) -> None:
    review = {"threshold": threshold} if profile == "judge" else {}
    options = asking(profile=profile, review=review).options

    read = review_stage(profile).parse(completion, Record(INSTRUCTION, "old", "given"), options)

    assert (read.output is None) != (read.rejected is None)
    if read.rejected is not None:
        assert read.rejected.reason
        assert storable(read.rejected.text)
    if not read.is_readable:
        assert read.output is None
    if profile == "judge":
        assert read.output in {None, "old"}
        assert read.is_readable or "judged_low" not in str(read.rejected)
        # No score on the scale is anywhere in it: whatever else it says, the row does not stay.
        assert read.output is None or re.search("[1-5]", completion.text)
    elif read.output is not None:
        assert not completion.cut_off
        assert storable(read.output)
        assert read.output not in {"", "given", INSTRUCTION}
