"""The borders of the rules: the characters and tokens read, and the words before the verb."""

import pytest

from app.statistics.rules import VerbNoun, find_by_rules


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("please " * 58 + "name rivers", VerbNoun("name", "river")),
        ("please " * 59 + "name rivers", VerbNoun("name", None)),
        ("please " * 60 + "name rivers", None),
        ("Name " + "x" * 594 + "s", VerbNoun("name", "x" * 594)),
        ("Name " + "x" * 595 + "s", VerbNoun("name", "x" * 595)),
        ("Name " + "x" * 595 + "ss", VerbNoun("name", "x" * 595)),
        ("Name the rivers. Sort the list", VerbNoun("name", "river")),
        (". Name the rivers", None),
        ("Your task is now really just to name rivers", None),
        ("Your task is now just to name rivers", VerbNoun("name", "river")),
        ("Your task is really and to name rivers", VerbNoun("name", "river")),
        ("The task to name rivers", VerbNoun("name", "river")),
        ("You name rivers", None),
        ("Frob the list", VerbNoun("frob", "list")),
        ("Frobing the list", None),
        ("Frob lists", None),
        ("Frob", None),
        ("Name", VerbNoun("name", None)),
        ("Name is", None),
        ("Name isles", VerbNoun("name", "isle")),
        ("What is a river", None),
        ("Can you name rivers", VerbNoun("name", "river")),
        ("How do you quickly name rivers", VerbNoun("name", "river")),
        ("How do rivers flow", None),
        ("What should", None),
        ("Given the text, name rivers", VerbNoun("name", "river")),
        ("Text, name rivers", None),
        ("Simply, name rivers", VerbNoun("name", "river")),
        ("Reply politely", VerbNoun("reply", None)),
    ],
)
def test_the_verb_is_found_at_the_borders_of_the_rules(text: str, found: VerbNoun | None) -> None:
    assert find_by_rules(text) == found
