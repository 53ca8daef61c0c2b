"""How near each instruction is to the seed nearest to it."""

from collections.abc import Iterable, Iterator

from app.similarity import SimilarityIndex, TokenizerName


def best_seed_scores(
    instructions: Iterable[str], seeds: Iterable[str], tokenizer: TokenizerName = "unicode"
) -> Iterator[float]:
    """Yield the highest ROUGE-L F of each instruction to any seed; 0.0 where no word is shared."""
    index = SimilarityIndex(tokenizer=tokenizer)
    index.extend(seeds)
    for text in instructions:
        nearest = index.most_similar(text, 1)
        yield nearest[0].score if nearest else 0.0
