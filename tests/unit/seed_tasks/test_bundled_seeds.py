"""The bundled seed tasks and the worked examples of the prompts keep the promises made for them."""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rapidfuzz.distance import LCSseq
from rouge_score.tokenizers import DefaultTokenizer

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "app" / "pipeline" / "prompts" / "examples"
SEED_FIELDS = ["id", "name", "instruction", "instances", "is_classification"]
BLACKLIST = re.compile(
    r"\b(image|images|graph|graphs|picture|pictures|file|files|map|maps|draw|plot|go to"
    r"|video|audio|music|flowchart|diagram)\b",
    re.IGNORECASE,
)
PROMPT_MARKERS = ("Example", "Task:", "Output:", "Input:", "Class label:", "###")


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


SEEDS = rows_of(ROOT / "seed_tasks" / "seed_tasks.jsonl")
CLASSIFICATION = rows_of(EXAMPLES / "classification.jsonl")
INPUT_FIRST = rows_of(EXAMPLES / "input_first.jsonl")
OUTPUT_FIRST = rows_of(EXAMPLES / "output_first.jsonl")
WITH_INSTANCES = SEEDS + INPUT_FIRST + OUTPUT_FIRST
INSTRUCTIONS: list[str] = [
    row["instruction"] for row in SEEDS + CLASSIFICATION + INPUT_FIRST + OUTPUT_FIRST
]


def instances_of(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [instance for row in rows for instance in row["instances"]]


def rouge_l(left: list[str], right: list[str]) -> float:
    if not left or not right:
        return 0.0
    return 2 * LCSseq.similarity(left, right) / (len(left) + len(right))


def test_there_are_at_least_as_many_seeds_as_in_the_paper() -> None:
    assert len(SEEDS) >= 175


def test_every_seed_has_the_fields_of_the_format_in_their_order() -> None:
    assert [seed["id"] for seed in SEEDS if list(seed) != SEED_FIELDS] == []


def test_seeds_are_numbered_from_zero_without_a_gap() -> None:
    assert [seed["id"] for seed in SEEDS] == [f"seed_{number}" for number in range(len(SEEDS))]


def test_names_are_unique_and_in_snake_case() -> None:
    names = [seed["name"] for seed in SEEDS]
    assert [name for name, count in Counter(names).items() if count > 1] == []
    assert [name for name in names if not re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", name)] == []


def test_about_fifteen_per_cent_of_the_seeds_are_classification() -> None:
    share = sum(seed["is_classification"] for seed in SEEDS) / len(SEEDS)
    assert 0.12 <= share <= 0.18


def test_most_seeds_need_no_input_and_many_have_one() -> None:
    share = sum(not seed["instances"][0]["input"] for seed in SEEDS) / len(SEEDS)
    assert 0.5 <= share <= 0.75


def test_every_task_has_an_instance_and_every_instance_an_output() -> None:
    assert [row["instruction"] for row in WITH_INSTANCES if not row["instances"]] == []
    assert [
        instance
        for instance in instances_of(WITH_INSTANCES)
        if list(instance) != ["input", "output"] or not instance["output"].strip()
    ] == []


def test_no_instance_would_be_dropped_by_the_rules_for_generated_ones() -> None:
    assert [
        instance
        for instance in instances_of(WITH_INSTANCES)
        if instance["input"] == instance["output"]
        or instance["input"].rstrip().endswith(":")
        or instance["output"].rstrip().endswith(":")
    ] == []


def test_a_task_does_not_answer_the_same_input_twice() -> None:
    for row in WITH_INSTANCES:
        inputs = [instance["input"] for instance in row["instances"]]
        assert len(set(inputs)) == len(inputs), row["instruction"]


def test_a_classification_task_with_several_instances_shows_several_labels() -> None:
    classification = [seed for seed in SEEDS if seed["is_classification"]]
    for row in classification + OUTPUT_FIRST:
        labels = {instance["output"] for instance in row["instances"]}
        assert len(labels) > 1 or len(row["instances"]) == 1, row["instruction"]


def test_labels_are_short_and_on_one_line() -> None:
    classification = [seed for seed in SEEDS if seed["is_classification"]]
    labels = [instance["output"] for instance in instances_of(classification + OUTPUT_FIRST)]
    assert [label for label in labels if "\n" in label or len(label.split()) > 4] == []


def test_every_instruction_passes_the_screening_of_generated_ones() -> None:
    rules: dict[str, Callable[[str], bool]] = {
        "4 to 150 words": lambda text: 4 <= len(text.split()) <= 150,
        "white space is folded": lambda text: text == " ".join(text.split()),
        "begins in ASCII": lambda text: text[0].isascii(),
        "begins with a letter or digit": lambda text: text[0].isalnum(),
        "does not end with a colon": lambda text: not text.endswith(":"),
        "asks for no program": lambda text: not text.lower().startswith("write a program"),
        "holds no listed word": lambda text: not BLACKLIST.search(text),
    }
    assert [
        (rule, text) for rule, holds in rules.items() for text in INSTRUCTIONS if not holds(text)
    ] == []


def test_no_two_instructions_are_near_duplicates() -> None:
    tokenizer = DefaultTokenizer(use_stemmer=False)
    tokens = [tokenizer.tokenize(instruction) for instruction in INSTRUCTIONS]
    assert [
        (INSTRUCTIONS[left], INSTRUCTIONS[right])
        for right in range(len(tokens))
        for left in range(right)
        if rouge_l(tokens[left], tokens[right]) > 0.7
    ] == []


def test_the_prompts_get_as_many_examples_as_in_the_paper() -> None:
    assert Counter(row["is_classification"] for row in CLASSIFICATION) == {True: 12, False: 19}
    assert len(INPUT_FIRST) == 11
    assert len(OUTPUT_FIRST) == 16


def test_output_first_examples_come_with_an_input_each() -> None:
    assert [i for i in instances_of(OUTPUT_FIRST) if not i["input"].strip()] == []


@pytest.mark.parametrize("name", ["classification", "input_first", "output_first"])
def test_no_example_holds_a_marker_that_the_prompts_are_cut_at(name: str) -> None:
    text = (EXAMPLES / f"{name}.jsonl").read_text(encoding="utf-8")
    assert [marker for marker in PROMPT_MARKERS if marker in text] == []


@pytest.mark.parametrize("name", ["classification", "input_first", "output_first"])
def test_examples_are_short_enough_to_stand_in_every_prompt(name: str) -> None:
    text = (EXAMPLES / f"{name}.jsonl").read_text(encoding="utf-8")
    assert len(text.split()) < 1_500
