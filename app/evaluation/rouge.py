"""ROUGE-1, ROUGE-2 and ROUGE-L of answers against references, by `rouge_score` itself.

It is loaded at the first score. It brings nltk, and nltk brings scipy where that is installed:
together they take as long as half of the service.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, cast

from rapidfuzz.distance import LCSseq

from app.evaluation.intervals import Bootstrap
from app.evaluation.metrics import RougeFigures, RougeScores, TokenizerName
from app.similarity.tokenizers import tokenize_unicode

if TYPE_CHECKING:
    from rouge_score import rouge_scorer, scoring

_KINDS = ("rouge1", "rouge2", "rougeL")
_MOST_CELLS = 1_000_000
"""Of rouge_score's table for ROUGE-L, a list of lists that takes a second for each million."""


@dataclass(frozen=True, slots=True)
class Score:
    """One kind of ROUGE of one answer, each from 0 to 1."""

    precision: float
    recall: float
    f: float


@dataclass(frozen=True, slots=True)
class TaskScores:
    """All kinds of ROUGE of one answer."""

    rouge1: Score
    rouge2: Score
    rouge_l: Score
    is_seen: bool
    """True when the reference has a token for this tokenizer."""


class _Split:
    """Returns tokens unchanged, so that no text is tokenized twice."""

    def tokenize(self, tokens: list[str]) -> list[str]:
        return tokens


@cache
def _tokenizer(name: TokenizerName) -> Callable[[str], list[str]]:
    if name == "unicode":
        return tokenize_unicode
    from rouge_score import tokenizers  # noqa: PLC0415 - see above

    # rouge_score ships no types.
    split = tokenizers.DefaultTokenizer(use_stemmer=name == "rouge_stemmed").tokenize
    return cast("Callable[[str], list[str]]", split)


@cache
def _scorer(kinds: tuple[str, ...]) -> "rouge_scorer.RougeScorer":
    from rouge_score import rouge_scorer  # noqa: PLC0415 - see above

    return rouge_scorer.RougeScorer(list(kinds), tokenizer=_Split())


def score(reference: str, answer: str, tokenizer: TokenizerName = "rouge") -> TaskScores:
    """Score one answer exactly as rouge_score does."""
    split = _tokenizer(tokenizer)
    target, prediction = split(reference), split(answer)
    if len(target) * len(prediction) <= _MOST_CELLS:
        found = _scorer(_KINDS).score(target, prediction)
    else:
        found = _scorer(_KINDS[:2]).score(target, prediction)
        found["rougeL"] = _long_rouge_l(target, prediction)
    one, two, longest = (
        Score(found[kind].precision, found[kind].recall, found[kind].fmeasure) for kind in _KINDS
    )
    return TaskScores(one, two, longest, is_seen=bool(target))


def _long_rouge_l(target: list[str], prediction: list[str]) -> "scoring.Score":
    """Return the same scores by a bit-parallel LCS, for texts of thousands of words."""
    from rouge_score import scoring  # noqa: PLC0415 - see above

    length = LCSseq.similarity(target, prediction)
    precision, recall = length / len(prediction), length / len(target)
    return scoring.Score(precision, recall, scoring.fmeasure(precision, recall))


def rouge_figures(
    scores: Sequence[TaskScores], tokenizer: TokenizerName, bootstrap: Bootstrap
) -> RougeFigures:
    """Return mean scores over tasks; at least one task is required."""
    return RougeFigures(
        tokenizer=tokenizer,
        tasks=len(scores),
        unseen_references=sum(not each.is_seen for each in scores),
        rouge1=_means([each.rouge1 for each in scores], bootstrap),
        rouge2=_means([each.rouge2 for each in scores], bootstrap),
        rouge_l=_means([each.rouge_l for each in scores], bootstrap),
    )


def _means(scores: Sequence[Score], bootstrap: Bootstrap) -> RougeScores:
    return RougeScores(
        precision=bootstrap.mean([each.precision for each in scores]),
        recall=bootstrap.mean([each.recall for each in scores]),
        f=bootstrap.mean([each.f for each in scores]),
    )
