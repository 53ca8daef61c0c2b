"""How near each instruction is to the seeds it grew from: the paper's figure 5."""

from collections.abc import Iterable, Iterator, Sequence

from app.similarity import Neighbour, SimilarityIndex, TokenizerName


class SeedOverlap:
    """Finds the seed that an instruction is nearest to."""

    def __init__(self, seeds: Iterable[str], tokenizer: TokenizerName = "unicode") -> None:
        self._index = SimilarityIndex(tokenizer=tokenizer)
        self._index.extend(seeds)

    def nearest(self, instruction: str) -> Neighbour | None:
        """Return the nearest seed, by its number, the first of equally near ones.

        None: it shares no word with any.
        """
        return next(iter(self._index.most_similar(instruction, 1)), None)

    def scores(self, instructions: Iterable[str]) -> Iterator[float]:
        """Yield the ROUGE-L F of each instruction to its nearest seed, 0.0 to 1.0."""
        for instruction in instructions:
            near = self.nearest(instruction)
            yield near.score if near else 0.0


def histogram(scores: Iterable[float], bins: int = 20) -> Sequence[int]:
    """Return how many scores lie in each of so many equal parts of 0 to 1; 1.0 is in the last."""
    counts = [0] * bins
    for score in scores:
        counts[min(int(score * bins), bins - 1)] += 1
    return counts
