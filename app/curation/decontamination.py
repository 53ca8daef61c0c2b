"""Rows that overlap with a test set: a model trained on them would have seen its exam.

Two measures, as in the literature: so many words in a row (13 unless told otherwise) that are in a
test item, too, anywhere in the row; and ROUGE-L of the instruction to a whole test item. Of the
test sets only hashes of their word sequences are held, 12 bytes each, and the index of their texts;
rows stream through.
"""

import hashlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.curation.digests import question_texts
from app.curation.filter import Dropped
from app.curation.options import DecontaminationOptions
from app.record import Record
from app.similarity import SimilarityIndex
from app.similarity.tokenizers import TOKENIZERS

Hashes: TypeAlias = NDArray[np.uint64]
Starts: TypeAlias = NDArray[np.intp]
_ODD = np.uint64(0x9E3779B97F4A7C15)

DECONTAMINATION_REASON = "test_set_overlap"


@dataclass(frozen=True, slots=True)
class Hit:
    """An overlap of a row with an item of a test set."""

    test_set: str
    item: int
    """0-based, in the order in which the items were given."""
    kind: Literal["words", "rouge_l"]
    score: float
    """ROUGE-L F; for words the share of the item's word sequences that are in the row."""
    words: str = ""
    """The first words in a row that both have; empty for ROUGE-L."""

    @property
    def dropped(self) -> Dropped:
        """The hit as a filter would tell it."""
        what = f'"{self.words}"' if self.kind == "words" else f"ROUGE-L {self.score:.3f}"
        return Dropped(DECONTAMINATION_REASON, f"{self.test_set}, item {self.item}: {what}")


class Decontamination:
    """Finds rows that overlap with any of the test sets given, by name.

    Test items are taken as they come, so that they may be read from a file; not for several threads
    at once.
    """

    def __init__(
        self, test_sets: Mapping[str, Iterable[str]], options: DecontaminationOptions
    ) -> None:
        self._options = options
        self._tokenize = TOKENIZERS["unicode"]
        self._index = SimilarityIndex(threshold=options.threshold)
        self._names: list[str] = []
        # Where each test set begins among all items.
        self._starts: list[int] = []
        self._sequences_of_item = array("I")
        found: dict[int, _Sequences] = {}
        for name, items in test_sets.items():
            self._names.append(name)
            self._starts.append(len(self._index))
            for item in items:
                self._take(item, found)
        self._by_length = {length: each.sorted() for length, each in sorted(found.items())}

    def hits(self, record: Record) -> list[Hit]:
        """Return every item whose words a record has, and the one its instruction is nearest to."""
        return [*self._hits_by_words(record), *self._hits_by_rouge(record)]

    def _take(self, item: str, found: dict[int, "_Sequences"]) -> None:
        number = self._index.insert(item)
        tokens = self._tokenize(item)
        length = min(len(tokens), self._options.words)
        if length < min(self._options.fewest_words, self._options.words):
            self._sequences_of_item.append(0)
            return
        starts = np.arange(len(tokens) - length + 1)
        hashes = np.unique(_hashes(_numbers(tokens), starts, length))
        found.setdefault(length, _Sequences()).add(hashes, number, tokens[0])
        self._sequences_of_item.append(len(hashes))

    def _hits_by_words(self, record: Record) -> Iterator[Hit]:
        tokens = self._tokenize("\n".join([*question_texts(record), record.output]))
        numbers = _numbers(tokens)
        first_at: dict[int, tuple[int, int]] = {}
        matched: dict[int, set[int]] = {}
        for length, sequences in self._by_length.items():
            starts = np.arange(len(tokens) - length + 1)
            if length < self._options.words:
                # A whole item begins with its first word; few words of a row do.
                firsts = sequences.first_words
                starts = np.array([at for at in starts if tokens[at] in firsts], np.intp)
            for at, key in sequences.found(starts, _hashes(numbers, starts, length)):
                for item in sequences.items(key):
                    first_at.setdefault(item, (at, length))
                    matched.setdefault(item, set()).add(key)
        for item, (at, length) in sorted(first_at.items()):
            share = len(matched[item]) / self._sequences_of_item[item]
            yield self._hit(item, "words", share, " ".join(tokens[at : at + length]))

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


class _Sequences:
    """Hashes of the word sequences of one length, with the items that have them."""

    def __init__(self) -> None:
        self._hashes = array("Q")
        self._items = array("I")
        self.first_words: set[str] = set()
        """Of the items that are one sequence."""

    def add(self, hashes: Hashes, item: int, first_word: str) -> None:
        self._hashes.frombytes(hashes.tobytes())
        self._items.extend([item] * len(hashes))
        if len(hashes) == 1:
            self.first_words.add(first_word)

    def sorted(self) -> "_Sequences":
        hashes: Hashes = np.frombuffer(self._hashes, np.uint64)
        order = np.argsort(hashes, kind="stable")
        ordered = _Sequences()
        ordered._hashes.frombytes(hashes[order].tobytes())
        ordered._items.frombytes(np.frombuffer(self._items, np.uint32)[order].tobytes())
        ordered.first_words = self.first_words
        return ordered

    def found(self, starts: Starts, hashes: Hashes) -> list[tuple[int, int]]:
        """Return those of the sequences of a row that are here: where they start, and the hash."""
        own: Hashes = np.frombuffer(self._hashes, np.uint64)
        at = np.searchsorted(own, hashes)
        at[at == len(own)] = 0
        here = (own[at] == hashes).nonzero()[0]
        return list(zip(starts[here].tolist(), hashes[here].tolist(), strict=True))

    def items(self, key: int) -> Iterator[int]:
        """Yield the items with a sequence, in order."""
        at = bisect_left(self._hashes, key)
        while at < len(self._hashes) and self._hashes[at] == key:
            yield self._items[at]
            at += 1


@lru_cache(maxsize=100_000)
def _number(token: str) -> int:
    encoded = token.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(encoded, digest_size=8).digest(), "little")


def _numbers(tokens: Sequence[str]) -> Hashes:
    return np.fromiter(map(_number, tokens), np.uint64, len(tokens))


def _hashes(numbers: Hashes, starts: Starts, length: int) -> Hashes:
    """Return the hash of the sequence at each start: a polynomial in an odd number, modulo 2^64."""
    hashes = np.zeros(len(starts), np.uint64)
    for offset in range(length):
        hashes = hashes * _ODD + numbers[starts + offset]
    return hashes
