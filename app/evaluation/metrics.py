"""Metrics of an evaluation as frozen models, which are JSON in the API."""

from decimal import Decimal
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

Method: TypeAlias = Literal["bca", "wilson", "tango"]
LossUnit: TypeAlias = Literal["token", "label"]
"""The unit of a loss: a token of the answer, or the label of a text."""
TokenizerName: TypeAlias = Literal["rouge", "rouge_stemmed", "unicode"]
JudgedOutcome: TypeAlias = Literal["win", "tie", "loss", "identical", "failed", "unasked"]
"""Result of a pair for the tuned model; ``identical`` answers are a tie without a judgement."""


class Finding(BaseModel):
    """Base of all parts of an evaluation; unknown fields stored by another version are ignored."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Estimate(Finding):
    """A value with its confidence interval."""

    value: float
    low: float | None = None
    """Null: too few tasks for an interval, or all tasks have the same value."""
    high: float | None = None
    method: Method | None = None
    """``bca``: bootstrap over tasks; ``wilson``: for shares; ``tango``: for the difference of two
    shares on the same tasks."""


class Comparison(Finding):
    """A paired comparison of two models on the same tasks: the second minus the first."""

    metric: str
    difference: Estimate
    """Mean difference over tasks, with a paired interval."""
    better: int
    """Tasks where the second model is better."""
    worse: int
    equal: int
    p_value: float
    """Two-sided p-value of a randomisation test that swaps the two answers to a task at random."""
    p_corrected: float | None = None
    """The p-value corrected by Holm's method for all comparisons of the evaluation. Null: a single
    comparison."""


class RougeScores(Finding):
    """Mean scores of one kind of ROUGE over tasks."""

    precision: Estimate
    recall: Estimate
    f: Estimate


class RougeFigures(Finding):
    """ROUGE of a model's answers against the references, each scored by `rouge_score`."""

    tokenizer: TokenizerName
    """``rouge``: rouge_score's own, a-z and 0-9 only; ``rouge_stemmed``: with its stemmer;
    ``unicode``: words of every script."""
    tasks: int
    unseen_references: int
    """References without a token for this tokenizer; they score 0, as in rouge_score."""
    rouge1: RougeScores
    rouge2: RougeScores
    rouge_l: RougeScores


class Confusion(Finding):
    """Confusion matrix of labels."""

    labels: list[str]
    """Labels of the references, most common first; rarer ones are counted together after them."""
    counts: list[list[int]]
    """A row for each right label, a column for each answered label. The last column counts answers
    that are not a label of the references."""
    other_labels: int
    """Number of rarer labels that share the last row and the last column but one; 0: all labels are
    listed."""


class ExactShare(Finding):
    """Tasks of any kind whose answer equals the reference.

    Labels are compared as in `ExactMatch`; other answers character by character, without the white
    space around them.
    """

    tasks: int
    right: int
    share: Estimate


class ExactMatch(Finding):
    """Classification tasks whose answer equals the label after normalisation."""

    tasks: int
    right: int
    share: Estimate
    normalisation: str
    """The differences that are ignored, in words."""
    confusion: Confusion


class Perplexity(Finding):
    """Loss and perplexity of a model on the references."""

    tasks: int
    """Tasks with known log probabilities."""
    tokens: int
    """Number of tokens, or of labels (one per task) for a classifier."""
    loss: Estimate
    """Mean negative log probability per token, or label, in nats."""
    perplexity: Estimate
    """e to the power of the loss, with the transformed interval; 1 is the minimum."""
    bits_per_byte: Estimate | None = None
    """Bits per UTF-8 byte of the references; unlike loss per token, comparable across tokenizers.
    Null: unknown."""
    impossible_tokens: int = 0
    """Tokens with probability 0 or NaN; their tasks are left out."""


class ModelFigures(Finding):
    """Metrics of one model on the held-out tasks."""

    name: str
    answered: int
    unanswered: int
    """Tasks without an answer; they are scored as empty answers."""
    empty: int
    """Empty answers."""
    cut_off: int
    """Answers truncated by the length limit."""
    rouge: list[RougeFigures] = Field(default_factory=list)
    exact: ExactShare | None = None
    """Over all tasks."""
    exact_match: ExactMatch | None = None
    """Over classification tasks; null: there are none."""
    perplexity: Perplexity | None = None
    """Null: not measured."""


class JudgeCost(Finding):
    """Cost of a judge model, in this attempt of the job and earlier ones."""

    calls: int
    """Including failed ones."""
    prompt_tokens: int
    cached_tokens: int = 0
    """Prompt tokens that the provider's cache had."""
    completion_tokens: int
    estimated_calls: int = 0
    """Calls whose tokens are estimated, because the endpoint left out counts."""
    cost_usd: Decimal | None = None
    """US dollars for the answers received; null: no price is known for the model."""
    unknown_usd: Decimal | None = None
    """Upper bound in US dollars for calls without an answer, which may have been charged; null: no
    price is known for the model."""
    reused: int = 0
    """Judgements reused from the tuning job; not counted in the other fields."""


class JudgeFigures(Finding):
    """Verdicts of a judge model on pairs of answers, each judged in both orders."""

    judge: str
    is_contender: bool = False
    """True when the judge is one of the two models by its name, so its verdicts are not
    independent."""
    pairs: int
    wins: int
    """Pairs where the tuned model's answer was better in both orders."""
    ties: int
    """Pairs judged as ties, or judged differently in the two orders."""
    losses: int
    failed: int
    """Pairs without a readable judgement; not counted as wins, ties or losses."""
    unasked: int = 0
    """Pairs not judged in both orders because judging ended early; not counted either."""
    identical: int
    """Pairs of equal answers, counted as ties without a judgement."""
    score: Estimate | None
    """Wins and half of the ties, divided by the judged pairs; 0.5 is no difference. Null: no pair
    could be judged."""
    p_value: float | None = None
    """Two-sided p-value of the sign test on wins and losses. Null: no pair could be judged."""
    said_first: int
    """Judgements for the first answer; a large difference to `said_second` shows position bias."""
    said_second: int
    said_tie: int
    orders_differ: int
    """Pairs whose two judgements disagree."""
    longer_won: int = 0
    """Wins and losses that went to the longer answer; a large share may show length bias."""
    shorter_won: int = 0
    outcomes: dict[str, JudgedOutcome] = Field(default_factory=dict)
    """Result of each pair, by task."""
    cost: JudgeCost | None = None
    """Null: unknown."""
    trouble: str | None = None
    """Why not all pairs were judged; null: all were."""


class ModelLevels(Finding):
    """Ratings of one model's answers by one reviewer."""

    model: str
    counts: dict[str, int]
    """Answers by level, A to D."""
    satisfying: Estimate
    """Share of A."""
    acceptable: Estimate
    """Share of A and B."""


class Agreement(Finding):
    """Agreement of two raters on what both rated."""

    one: str
    other: str
    rated: Literal["answers", "pairs"]
    """``answers``: two reviewers, by the level of each answer. ``pairs``: a reviewer and a judge,
    by the better answer of each pair."""
    both_rated: int
    same: int
    kappa: float | None
    """Cohen's kappa; null: not defined, for example when both always gave the same rating."""
    weighted_kappa: float | None
    """With linear weights: A against B counts as a third of A against D, and a tie against a win
    as half of a loss against a win."""


class ReviewerFigures(Finding):
    """Ratings of one reviewer."""

    reviewer: str
    rated: int
    unrated: int
    models: list[ModelLevels]
    """The base model first."""
    preference: Comparison | None = None
    """The tuned model compared with the base by the levels of tasks with two rated answers: share
    of wins minus share of losses. Null: no such task, or a single model."""


class ReviewFigures(Finding):
    """Ratings by people, by the paper's four levels."""

    reviewers: list[ReviewerFigures]
    agreements: list[Agreement] = Field(default_factory=list)
    """Of each two reviewers, and of each reviewer with the judge, where both rated the same."""


def chief_rouge(of: ModelFigures) -> RougeFigures | None:
    """Return the ROUGE scores to show first: those of the tokenizer that knows every script.

    On ASCII text both tokenizers give the same scores; on Chinese the other one gives 0.

    Returns:
        None when the model has no ROUGE scores.
    """
    seeing = [figures for figures in of.rouge if figures.tokenizer == "unicode"]
    return next(iter(seeing or of.rouge), None)
