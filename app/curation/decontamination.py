"""Decontamination: rows that overlap with a test set, which would inflate its scores.

Two measures, as in the literature: a sequence of words (13 by default) that is also in a
test item, too, anywhere in the row; and ROUGE-L of the instruction to a whole test item. Of the
test sets only hashes of their word sequences are held, 12 bytes each, the words of items too short
to have any, and the index of their texts; rows stream through.
"""

import hashlib
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, pairwise
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.curation.digests import question_texts
from app.curation.filter import Dropped
from app.curation.options import DecontaminationOptions
from app.dataset_row import Record
from app.similarity import SimilarityIndex
from app.similarity.tokenizers import TOKENIZERS

Hashes: TypeAlias = NDArray[np.uint64]
Found: TypeAlias = tuple[int, int, int, int]
"""Start and end of a word sequence of a row that an item has, too, its hash, and the item."""
_ODD = np.uint64(0x9E3779B97F4A7C15)

DECONTAMINATION_REASON = "test_set_overlap"


@dataclass(frozen=True, slots=True)
class Hit:
    """An overlap of a row with an item of a test set."""

    test_set: str
    item: int
    """0-based, in the order the items were given."""
    kind: Literal["words", "rouge_l"]
    score: float
    """ROUGE-L F; for words, the share of the item's word sequences found in the row."""
    words: str = ""
    """The first word sequence that both have; empty for ROUGE-L."""

    @property
    def dropped(self) -> Dropped:
        """Return the hit as the result of a filter."""
        what = f'"{self.words}"' if self.kind == "words" else f"ROUGE-L {self.score:.3f}"
        return Dropped(DECONTAMINATION_REASON, f"{self.test_set}, item {self.item}: {what}")


class Decontamination:
    """Finds rows that overlap with any of the test sets given, by name.

    Test items are read one by one, so they may come from a file; not for several threads
    at once.
    """

    def __init__(
        self, test_sets: Mapping[str, Iterable[str]], options: DecontaminationOptions
    ) -> None:
        self._options = options
        self._tokenize = TOKENIZERS["unicode"]
        self._index = SimilarityIndex(threshold=options.threshold)
        self._names: list[str] = []
        # Number of the first item of each test set.
        self._starts: list[int] = []
        self._sequences_of_item = array("I")
        self._sequences = _Sequences()
        # Items with fewer words than a sequence, by their first two.
        self._whole: dict[tuple[str, str], list[_WholeItem]] = {}
        for name, items in test_sets.items():
            self._names.append(name)
            self._starts.append(len(self._index))
            for item in items:
                self._take(item)
        self._sequences.sort()

    def hits(self, record: Record) -> list[Hit]:
        """Return every item that overlaps by words, and the nearest one by ROUGE-L."""
        return [*self._hits_by_words(record), *self._hits_by_rouge(record)]

    def _take(self, item: str) -> None:
        number = self._index.insert(item)
        tokens = self._tokenize(item)
        hashes = np.unique(_hashes(tokens, self._options.words))
        self._sequences.add(hashes, number)
        self._sequences_of_item.append(max(len(hashes), 1))
        if not len(hashes) and len(tokens) >= self._options.fewest_words:
            whole = _WholeItem(number, tuple(tokens))
            self._whole.setdefault((tokens[0], tokens[1]), []).append(whole)

    def _hits_by_words(self, record: Record) -> Iterator[Hit]:
        tokens = self._tokenize("\n".join([*question_texts(record), record.output]))
        first_at: dict[int, slice] = {}
        matched: dict[int, set[int]] = {}
        length = self._options.words
        found = self._sequences.found(tokens, length)
        for at, end, key, item in chain(found, self._wholes(tokens)):
            first_at.setdefault(item, slice(at, end))
            matched.setdefault(item, set()).add(key)
        for item, keys in sorted(matched.items()):
            words = " ".join(tokens[first_at[item]])
            yield self._hit(item, "words", len(keys) / self._sequences_of_item[item], words)

    def _wholes(self, tokens: list[str]) -> Iterator[Found]:
        """Yield the places where a row contains a whole short item."""
        for at, opening in enumerate(pairwise(tokens)):
            for whole in self._whole.get(opening, ()):
                end = at + len(whole.tokens)
                # Most sequences that begin like an item end differently.
                ends_alike = end <= len(tokens) and tokens[end - 1] == whole.tokens[-1]
                if ends_alike and tuple(tokens[at:end]) == whole.tokens:
                    yield at, end, 0, whole.item

    def _hits_by_rouge(self, record: Record) -> Iterator[Hit]:
        texts = {record.instruction, record.request}
        near = [each for each in map(self._index.nearest, texts) if each is not None]
        if near:
            best = max(near, key=lambda each: (each.score, -each.sequence))
            yield self._hit(best.sequence, "rouge_l", best.score)

    def _hit(
        self, item: int, kind: Literal["words", "rouge_l"], score: float, words: str = ""
    ) -> Hit:
        which = bisect_right(self._starts, item) - 1
        return Hit(self._names[which], item - self._starts[which], kind, score, words)


class _WholeItem(NamedTuple):
    """An item with fewer words than a sequence."""

    item: int
    tokens: tuple[str, ...]


class _Sequences:
    """Hashes of the word sequences of the items, each with its item."""

    def __init__(self) -> None:
        self._hashes = array("Q")
        self._items = array("I")

    def add(self, hashes: Hashes, item: int) -> None:
        self._hashes.frombytes(hashes.tobytes())
        self._items.extend([item] * len(hashes))

    def sort(self) -> None:
        """Sort the sequences by hash; nothing is found before this call."""
        hashes: Hashes = np.frombuffer(self._hashes, np.uint64)
        order = np.argsort(hashes, kind="stable")
        self._items = array("I", np.frombuffer(self._items, np.uint32)[order].tobytes())
        self._hashes = array("Q", hashes[order].tobytes())

    def found(self, tokens: list[str], length: int) -> Iterator[Found]:
        """Yield the word sequences that a row shares with an item, in the order of the row."""
        if len(tokens) < length or not self._hashes:
            return
        own: Hashes = np.frombuffer(self._hashes, np.uint64)
        hashes = _hashes(tokens, length)
        places = np.searchsorted(own, hashes)
        places[places == len(own)] = 0
        for at in (own[places] == hashes).nonzero()[0].tolist():
            key, place = int(hashes[at]), int(places[at])
            while place < len(own) and self._hashes[place] == key:
                yield at, at + length, key, self._items[place]
                place += 1


@lru_cache(maxsize=100_000)
def _number(token: str) -> int:
    encoded = token.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(encoded, digest_size=8).digest(), "little")


def _hashes(tokens: Sequence[str], length: int) -> Hashes:
    """Return the hash of each sequence of `length` tokens, in order.

    It is a polynomial in an odd number, modulo 2^64, of the hashes of the tokens.
    """
    numbers = np.fromiter(map(_number, tokens), np.uint64, len(tokens))
    count = max(len(tokens) - length + 1, 0)
    hashes = np.zeros(count, np.uint64)
    for offset in range(length if count else 0):
        hashes = hashes * _ODD + numbers[offset : offset + count]
    return hashes
