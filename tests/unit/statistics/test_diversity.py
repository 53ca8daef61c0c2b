"""The tally of verbs: batches, sampling, and the length of words."""

from collections.abc import Sequence

from app.statistics.diversity import VerbTally
from app.statistics.rules import VerbNoun


class Finder:
    """Finds the verb and noun that a text consists of, and notes the batches."""

    name = "two words"
    is_slow = False

    def __init__(self) -> None:
        self.batches: list[int] = []

    def find(self, texts: Sequence[str]) -> list[VerbNoun | None]:
        self.batches.append(len(texts))
        pairs = [text.split(" ") for text in texts]
        return [VerbNoun(pair[0], pair[1] or None) if pair[0] else None for pair in pairs]


def test_texts_are_read_in_batches_of_256() -> None:
    finder = Finder()
    tally = VerbTally(finder)
    for _ in range(257):
        tally.add("name tree")
    assert finder.batches == [256]
    assert tally.diversity().looked_at == 257
    assert finder.batches == [256, 1]


def test_every_third_text_is_read() -> None:
    tally = VerbTally(Finder(), every=3)
    for text in ("a x", "b x", "c x", "d x", "e x", "f x", "g x"):
        tally.add(text)
    found = tally.diversity()
    assert ([each.verb for each in found.verbs], found.looked_at) == (["c", "f"], 2)


def test_texts_without_a_verb_or_noun_are_looked_at_and_not_found() -> None:
    tally = VerbTally(Finder())
    for text in (" x", "a ", "a x"):
        tally.add(text)
    found = tally.diversity()
    assert (found.looked_at, found.found, found.covered, found.method) == (3, 1, 1, "two words")
    assert found.covered_share == 1 / 3


def test_words_are_told_apart_by_forty_characters() -> None:
    tally = VerbTally(Finder())
    for end in ("a", "b"):
        tally.add(f"{'v' * 40}{end} {'n' * 40}{end}")
        tally.add(f"{'v' * 39}{end} {'n' * 39}{end}")
    found = tally.diversity()
    assert [(each.verb, each.count, each.nouns[0].text) for each in found.verbs] == [
        ("v" * 40, 2, "n" * 40),
        ("v" * 39 + "a", 1, "n" * 39 + "a"),
        ("v" * 39 + "b", 1, "n" * 39 + "b"),
    ]


def test_equal_counts_are_in_order_of_the_alphabet() -> None:
    tally = VerbTally(Finder())
    for text in ("b y", "b x", "a z", "c z", "c z", "c z", "a z"):
        tally.add(text)
    found = tally.diversity()
    assert [(each.verb, each.count) for each in found.verbs] == [("c", 3), ("a", 2), ("b", 2)]
    assert [noun.text for noun in found.verbs[2].nouns] == ["x", "y"]


def test_two_hundred_thousand_pairs_are_counted_exactly() -> None:
    tally = VerbTally(Finder())
    for number in range(200_000):
        tally.add(f"v {number}")
    assert tally.diversity().undercounted_by == 0
    tally.add("v more")
    assert tally.diversity().undercounted_by == 1
