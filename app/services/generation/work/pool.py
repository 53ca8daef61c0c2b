"""The pool of a run: the instructions that a new one must not be near to.

The index numbers texts in this order: the seeds, the instructions of the data sets in
`options.nothing_near`, the accepted instructions by sequence number.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy.orm import Session

from app.services.generation.work.material import RunMaterial
from app.similarity import Neighbour, SimilarityIndex
from app.similarity.all_scores import AllScores, highest
from app.store.datasets import dataset_rows
from app.store.json_columns import PoolNeighbour, PoolPlace
from app.store.work import instructions

_NEIGHBOURS = 10
_NEIGHBOURS_FLOOR = 0.6
"""Lowest score of a neighbour that is stored. Less similar ones cost more to find than the rest of
an admission: at 50,000 instructions 17 ms each with a floor of 0.3, 0.8 ms with this one."""


class PoolSimilarity(NamedTuple):
    """The similarity of an instruction to the pool at its admission."""

    neighbours: list[PoolNeighbour]
    """At most ten, the most similar first."""
    mean: float | None
    """Mean score over the pool; None: the run does not store it."""


class Pool:
    """The pool of one pump; discard it after a database error, it may be ahead of the rows."""

    def __init__(self, material: RunMaterial, elsewhere: Sequence["Elsewhere"] = ()) -> None:
        self._run_id = material.run_id
        self._seeds = len(material.seeds)
        self._elsewhere = [(each.dataset_id, len(each.texts)) for each in elsewhere]
        self._before = self._seeds + sum(count for _, count in self._elsewhere)
        tokenizer = material.options.tokenizer or material.profile.tokenizer
        self._index = SimilarityIndex(
            tokenizer=tokenizer, threshold=material.options.similarity_threshold
        )
        kept = material.options.neighbours or material.profile.neighbours
        self._scores = AllScores(tokenizer) if kept == "ten" else None
        self._extend(seed.instruction for seed in material.seeds)
        for each in elsewhere:
            self._extend(each.texts)

    def catch_up(self, session: Session) -> None:
        """Add what was accepted since the last time."""
        accepted = len(self._index) - self._before
        self._extend(instructions.texts_from(session, self._run_id, accepted))

    def near_duplicate_of(self, text: str) -> PoolNeighbour | None:
        """Return the neighbour that `text` is too near to, with its score; None: there is none."""
        nearest = self._index.nearest(text)
        return self._named(nearest) if nearest else None

    def similarity(self, text: str) -> PoolSimilarity:
        """Compare a text with the pool, as far as the run stores it."""
        if self._scores is None:
            found = self._index.most_similar(text, _NEIGHBOURS, floor=_NEIGHBOURS_FLOOR)
            return PoolSimilarity([self._named(neighbour) for neighbour in found], None)
        scores = self._scores.of(text)
        nearest = [Neighbour(place, float(scores[place])) for place in highest(scores, _NEIGHBOURS)]
        return PoolSimilarity(
            [self._named(neighbour) for neighbour in nearest], float(scores.mean())
        )

    def insert(self, text: str) -> None:
        """Add an instruction accepted just now."""
        self._extend([text])

    def _extend(self, texts: Iterable[str]) -> None:
        for text in texts:
            self._index.insert(text)
            if self._scores is not None:
                self._scores.insert(text)

    def _named(self, neighbour: Neighbour) -> PoolNeighbour:
        return {**self._place(neighbour.sequence), "score": neighbour.score}

    def _place(self, sequence: int) -> PoolPlace:
        if sequence < self._seeds:
            return {"origin": "seed", "position": sequence}
        position = sequence - self._seeds
        for dataset_id, count in self._elsewhere:
            if position < count:
                return {"origin": "dataset", "dataset_id": dataset_id, "position": position}
            position -= count
        return {"origin": "machine", "position": position}


class Elsewhere(NamedTuple):
    """The instructions of a data set that new ones must not be near to."""

    dataset_id: str
    texts: Sequence[str]


def loaded_pool(material: RunMaterial, session: Session) -> Pool:
    """Build a run's pool with everything accepted so far."""
    elsewhere = [
        Elsewhere(dataset_id, dataset_rows.instructions_of(session, dataset_id))
        for dataset_id in material.options.nothing_near
    ]
    pool = Pool(material, elsewhere)
    pool.catch_up(session)
    return pool
