"""Near-duplicates by ROUGE-L: an index with rouge_score's exact decisions, and tokenizers."""

from app.similarity.index import Neighbour, SimilarityIndex
from app.similarity.tokenizers import TokenizerName

__all__ = ["Neighbour", "SimilarityIndex", "TokenizerName"]
