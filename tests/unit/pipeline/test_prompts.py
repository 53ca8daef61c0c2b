"""Prompt versions tell prompts apart; what does not change comes first, for prefix caches."""

from dataclasses import replace
from typing import Any

import pytest

from app.dataset_row import Record
from app.pipeline.demonstrations import Demonstration
from app.pipeline.profiles import PROFILES
from app.pipeline.prompts import PromptTemplate, chat_version, template, worked_examples
from app.pipeline.types import ChatPrompt, Instance, Request, TextPrompt
from tests.unit.pipeline.making import (
    asking,
    classify_stage,
    generate_stage,
    instance_stage,
    pairs,
    profile_of,
    reasons,
    reply,
    review_stage,
)

TEMPLATES = (
    "paper/generate",
    "paper/classify",
    "paper/input_first",
    "paper/output_first",
    "alpaca/generate",
    "default/generate.system",
    "default/generate.user",
    "default/classify.system",
    "default/classify.user",
    "default/input_first.system",
    "default/output_first.system",
    "default/instances.user",
    "review/re_answer.system",
    "review/re_answer.user",
    "review/judge.system",
    "review/judge.user",
)
EXAMPLES = (
    "classification",
    "input_first",
    "output_first",
    "paper/input_first",
    "paper/output_first",
)
STAGES = [
    (name, stage)
    for name, profile in PROFILES.items()
    for stage in ("generate", "classify", "input_first", "output_first", "review")
    if getattr(profile, stage) is not None
]


def request(profile: str, stage: str, subject: str, **chosen: Any) -> Request:
    """A request of any stage about `subject`; `Any`, because pydantic checks the options."""
    wanted = asking(profile=profile, **chosen)
    if stage == "generate":
        shown = (Demonstration(subject, Instance(subject, subject)),)
        return generate_stage(profile).build_request(shown, wanted)
    if stage == "review":
        return review_stage(profile).build_request(Record(subject, "An answer."), wanted, 0)
    if stage == "classify":
        return classify_stage(profile).build_request(subject, wanted, 0)
    return instance_stage(profile, stage).build_request(subject, wanted)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_version_changes_with_any_word_of_the_template(name: str) -> None:
    original = template(name)
    words = original.text.split(" ")
    changed = [
        replace(original, text=" ".join([*words[:n], word + "x", *words[n + 1 :]]))
        for n, word in enumerate(words)
    ]

    versions = {original.version, *(other.version for other in changed)}

    assert len(versions) == 1 + len(words)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_version_changes_with_any_worked_example(name: str) -> None:
    shown = [str(example) for example in worked_examples(name)]
    without_one = [shown[:n] + shown[n + 1 :] for n in range(len(shown))]

    versions = {
        template("paper/classify", examples="\n".join(chosen)).version
        for chosen in [shown, *without_one]
    }

    assert len(versions) == 1 + len(shown)


def test_a_version_is_the_name_and_a_hash_of_the_words() -> None:
    words = PromptTemplate("a/b", "Say $what.", {"examples": "é"})

    assert words.version == "a/b@c1de021d62e4"


def test_the_version_of_a_chat_prompt_changes_with_each_of_its_parts() -> None:
    one, other = PromptTemplate("a", "x", {}), PromptTemplate("a", "y", {})
    worked: tuple[list[dict[str, Any]], ...] = ([], [{"instruction": "Count."}], [{"a": 1}])

    versions = {
        chat_version(system, user, examples)
        for system in (one, other, one.fixing(form="z"))
        for user in (one, other, one.fixing(count=3))
        for examples in worked
    }

    assert len(versions) == 27


@pytest.mark.parametrize(("profile", "stage"), STAGES)
def test_a_version_is_the_same_whatever_the_call_is_about(profile: str, stage: str) -> None:
    one = request(profile, stage, "Count the vowels.")
    other = request(profile, stage, "Name a river in Asia.")

    assert one.prompt != other.prompt
    assert one.prompt_version == other.prompt_version


def test_every_stage_has_a_version_of_its_own() -> None:
    versions = {request(profile, stage, "Count.").prompt_version for profile, stage in STAGES}
    # A profile may use the stages of another.
    stages = {id(getattr(profile_of(profile), stage)) for profile, stage in STAGES}

    assert len(versions) == len(stages)


@pytest.mark.parametrize("stage", ["generate", "input_first", "output_first"])
def test_the_form_an_answer_is_asked_in_is_part_of_the_version(stage: str) -> None:
    in_json = request("default", stage, "Count.", json_schema=True)
    in_text = request("default", stage, "Count.", json_schema=False)

    assert in_json.prompt_version != in_text.prompt_version


@pytest.mark.parametrize(
    "wish",
    [{"language": "German"}, {"classification_share": 0.2}, {"tasks_per_request": 3}],
    ids=["language", "share", "count"],
)
def test_a_wish_in_the_prompt_is_part_of_its_version(wish: dict[str, Any]) -> None:
    wished, plain = (
        request("default", "generate", "Count.", **wish),
        request("default", "generate", "Count."),
    )

    assert wished.prompt != plain.prompt
    assert wished.prompt_version != plain.prompt_version


@pytest.mark.parametrize(("profile", "stage"), STAGES)
def test_what_does_not_change_comes_first(profile: str, stage: str) -> None:
    one = request(profile, stage, "Count the vowels.").prompt
    other = request(profile, stage, "Name a river in Asia.").prompt

    if isinstance(one, TextPrompt):
        assert isinstance(other, TextPrompt)
        assert 0 < one.unchanging == other.unchanging
        assert one.text[: one.unchanging] == other.text[: other.unchanging]
        assert "Count the vowels." in one.text[one.unchanging :]
    else:
        assert isinstance(other, ChatPrompt)
        assert one.messages[0].role == "system"
        assert one.messages[:-1] == other.messages[:-1]
        assert one.messages[-1] != other.messages[-1]
        assert one.messages[-1].role == "user"


@pytest.mark.parametrize(
    ("profile", "stage", "examples", "count"),
    [
        ("default", "classify", "classification", 31),
        ("default", "input_first", "input_first", 11),
        ("default", "output_first", "output_first", 16),
        ("paper", "classify", "classification", 31),
        ("paper", "input_first", "paper/input_first", 11),
        ("paper", "output_first", "paper/output_first", 16),
    ],
)
def test_all_worked_examples_are_in_the_unchanging_part(
    profile: str, stage: str, examples: str, count: int
) -> None:
    prompt = request(profile, stage, "Count the vowels.").prompt
    if isinstance(prompt, TextPrompt):
        unchanging = prompt.text[: prompt.unchanging]
    else:
        unchanging = "".join(f"{message.content}\n" for message in prompt.messages[:-1])

    tasks = [example["instruction"] for example in worked_examples(examples)]
    shown = [f"Task: {task}\n" in unchanging for task in tasks]

    assert shown == [True] * count


@pytest.mark.parametrize(("stage", "words"), [("input_first", 970), ("output_first", 1_130)])
def test_the_papers_prompts_for_instances_are_as_long_as_the_originals(
    stage: str, words: int
) -> None:
    prompt = request("paper", stage, "").prompt
    assert isinstance(prompt, TextPrompt)

    assert len(prompt.text.split()) == pytest.approx(words, rel=0.03)


@pytest.mark.parametrize("stage", ["input_first", "output_first"])
def test_the_papers_worked_examples_are_read_as_they_are_written(stage: str) -> None:
    # The model is to write like them, so its reader must read them.
    options = asking(profile="paper").options
    for example in worked_examples(f"paper/{stage}"):
        prompt = request("paper", stage, "").prompt
        assert isinstance(prompt, TextPrompt)
        _, _, after = prompt.text.partition(f"Task: {example['instruction']}\n")
        answer = reply(after.split("\n\nTask: ")[0])
        read = instance_stage("paper", stage).parse(answer, example["instruction"], options)
        wanted = [(one["input"], one["output"]) for one in example["instances"]]
        assert (pairs(read), reasons(read)) == (wanted, [])


def test_the_paper_shows_twelve_classification_tasks_and_nineteen_others() -> None:
    labels = [example["is_classification"] for example in worked_examples("classification")]

    assert (labels.count(True), labels.count(False)) == (12, 19)


def test_classification_is_asked_again_in_the_same_words() -> None:
    build, wanted = classify_stage("default").build_request, asking()

    first, again = build("Count.", wanted, 0), build("Count.", wanted, 1)

    assert (first.prompt, first.prompt_version) == (again.prompt, again.prompt_version)


@pytest.mark.parametrize(
    "chosen", [{"review": {"rubric": "5: good\n1: bad"}}, {"answer_format": "json_schema"}]
)
def test_what_a_judge_is_asked_is_part_of_the_version(chosen: dict[str, Any]) -> None:
    reported, plain = (
        request("judge", "review", "Count.", **chosen),
        request("judge", "review", "Count."),
    )

    assert reported.prompt != plain.prompt
    assert reported.prompt_version != plain.prompt_version


def test_a_dollar_in_an_instruction_is_no_place_of_a_template() -> None:
    for profile, stage in STAGES:
        prompt = request(profile, stage, "Is $5 or ${instruction} or $$ more?").prompt
        text = prompt.text if isinstance(prompt, TextPrompt) else prompt.messages[-1].content
        assert "Is $5 or ${instruction} or $$ more?" in text


def test_a_place_without_a_value_is_a_defect_and_raises() -> None:
    with pytest.raises(KeyError, match="instruction"):
        template("default/classify.user").render()
