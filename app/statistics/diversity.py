"""Diversity of instructions: root verbs and their direct objects, as in the paper's figure 2."""

from app.statistics.frequent_items import FrequentItems
from app.statistics.schema import Counted, VerbDiversity, VerbNouns
from app.statistics.verbs import VerbFinder

_AT_A_TIME = 256
_PAIRS_KNOWN = 200_000
_WORD_LENGTH = 40
_TOP_VERBS = 20
_TOP_NOUNS = 4


class VerbTally:
    """Counts verb-noun pairs of distinct instructions; calls its finder with batches of texts.

    Args:
        finder: Finds verbs and nouns; None: they are not counted.
        every: Read only every n-th instruction.
    """

    def __init__(self, finder: VerbFinder | None, every: int = 1) -> None:
        self._finder = finder
        self._every = every
        self._offered = 0
        self._waiting: list[str] = []
        self._looked_at = 0
        self._found = 0
        self._pairs = FrequentItems[tuple[str, str]](_PAIRS_KNOWN)

    def add(self, instruction: str) -> None:
        """Add a distinct instruction; only every n-th is read."""
        self._offered += 1
        if self._finder is not None and self._offered % self._every == 0:
            self._waiting.append(instruction)
            if len(self._waiting) >= _AT_A_TIME:
                self._look(self._finder)

    def diversity(self) -> VerbDiversity:
        """Return the counts so far."""
        if self._finder is not None:
            self._look(self._finder)
        nouns: dict[str, list[tuple[str, int]]] = {}
        for (verb, noun), count in self._pairs.items():
            nouns.setdefault(verb, []).append((noun, count))
        verbs = [_verb_nouns(verb, counted) for verb, counted in nouns.items()]
        verbs = sorted(verbs, key=lambda each: (-each.count, each.verb))[:_TOP_VERBS]
        covered = sum(noun.count for verb in verbs for noun in verb.nouns)
        return VerbDiversity(
            method=self._finder.name if self._finder is not None else "none",
            looked_at=self._looked_at,
            found=self._found,
            distinct_verbs=len(nouns),
            distinct_pairs=len(self._pairs),
            verbs=verbs,
            covered=covered,
            covered_share=covered / self._looked_at if self._looked_at else None,
            undercounted_by=self._pairs.undercounted_by,
        )

    def _look(self, finder: VerbFinder) -> None:
        for found in finder.find(self._waiting):
            if found is not None and found.noun is not None:
                self._found += 1
                self._pairs.add((found.verb[:_WORD_LENGTH], found.noun[:_WORD_LENGTH]))
        self._looked_at += len(self._waiting)
        self._waiting.clear()


def _verb_nouns(verb: str, counted: list[tuple[str, int]]) -> VerbNouns:
    commonest = sorted(counted, key=lambda each: (-each[1], each[0]))[:_TOP_NOUNS]
    return VerbNouns(
        verb=verb,
        count=sum(count for _, count in counted),
        nouns=[Counted(text=noun, count=count) for noun, count in commonest],
    )
