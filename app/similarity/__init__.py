"""ROUGE-L near-duplicates, decided as rouge_score decides: the exact index and its tokenizers."""

from app.similarity.index import Neighbour, SimilarityIndex
from app.similarity.tokenizers import TokenizerName

__all__ = ["Neighbour", "SimilarityIndex", "TokenizerName"]
