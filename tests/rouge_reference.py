"""The judge of the index: the same answers from rouge_score itself, slowly."""

from collections.abc import Sequence

from rouge_score import rouge_scorer

from app.similarity.gate import Gate
from app.similarity.index import Neighbour
from app.similarity.tokenizers import TOKENIZERS, TokenizerName, fold


class _Tokenizer:
    """One of ours in the shape rouge_score asks for."""

    def __init__(self, name: TokenizerName) -> None:
        self.tokenize = TOKENIZERS[name]


class Reference:
    """Scores pairs with rouge_score 0.1.2, about ten thousand times slower than the index.

    With the tokenizer ``rouge`` nothing of ours takes part, except for texts without any token,
    which rouge_score can't compare: they score 1.0 if their folded texts are equal, else 0.0.
    """

    def __init__(self, tokenizer: TokenizerName = "unicode") -> None:
        self._tokenize = TOKENIZERS[tokenizer]
        own = None if tokenizer == "rouge" else _Tokenizer(tokenizer)
        self._scorer = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False, tokenizer=own)

    def score(self, one: str, other: str) -> float:
        """Return the ROUGE-L F of two texts."""
        if not self._tokenize(one) and not self._tokenize(other):
            return float(fold(one) == fold(other))
        return float(self._scorer.score(one, other)["rougeL"].fmeasure)

    def nearest(
        self, pool: Sequence[str], text: str, *, threshold: float = 0.7, inclusive: bool = False
    ) -> Neighbour | None:
        """Return what `SimilarityIndex.nearest` must, for an index of these texts."""
        best = Neighbour(-1, -1.0)
        for sequence, other in enumerate(pool):
            score = self.score(other, text)
            if score > best.score:
                best = Neighbour(sequence, score)
        return best if Gate(threshold, inclusive=inclusive).passes(best.score) else None

    def most_similar(
        self, pool: Sequence[str], text: str, k: int, floor: float = 0.0
    ) -> list[Neighbour]:
        """Return what `SimilarityIndex.most_similar` must, for an index of these texts."""
        scored = (Neighbour(i, self.score(other, text)) for i, other in enumerate(pool))
        similar = [each for each in scored if each.score > 0 and each.score >= floor]
        return sorted(similar, key=lambda each: (-each.score, each.sequence))[:k]
