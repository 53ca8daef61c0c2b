"""The parts of an evaluation as values: frozen, JSON over the API, their fields described there."""

from decimal import Decimal
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

Method: TypeAlias = Literal["bca", "wilson", "tango"]
LossUnit: TypeAlias = Literal["token", "label"]
"""What a model gives probabilities to: tokens one after another, or the labels of a text."""
TokenizerName: TypeAlias = Literal["rouge", "rouge_stemmed", "unicode"]
JudgedOutcome: TypeAlias = Literal["win", "tie", "loss", "identical", "failed", "unasked"]
"""Of a pair, as the tuned model sees it; ``identical`` answers are a tie that nobody was asked of.
"""


class Finding(BaseModel):
    """A part of an evaluation; what another version stored is read as far as it is known."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Estimate(Finding):
    """A figure, and between which values the true one lies at the evaluation's level."""

    value: float
    low: float | None = None
    """Null: too few tasks for an interval, or all of them alike."""
    high: float | None = None
    method: Method | None = None
    """``bca`` bootstrap over tasks; ``wilson`` for shares of yes and no, ``tango`` for the
    difference of two on the same tasks."""


class Comparison(Finding):
    """Two models on the same tasks, pair by pair: the second less the first."""

    metric: str
    difference: Estimate
    """Mean over tasks, with the interval of the pairs."""
    better: int
    """Tasks that the second does better."""
    worse: int
    equal: int
    p_value: float
    """How often a difference as far from 0 comes about by chance alone, which swaps the two answers
    to a task or does not; two-sided."""
    p_corrected: float | None = None
    """The same, corrected by Holm's method for all comparisons of the evaluation. Null: made by
    itself."""


class RougeScores(Finding):
    """One kind of ROUGE on average over tasks."""

    precision: Estimate
    recall: Estimate
    f: Estimate


class RougeFigures(Finding):
    """ROUGE of a model's answers against the references, each scored by `rouge_score`."""

    tokenizer: TokenizerName
    """``rouge``: as rouge_score has it, which sees a-z and 0-9 only; ``rouge_stemmed``: with its
    stemmer; ``unicode``: words of every script."""
    tasks: int
    unseen_references: int
    """References in which the tokenizer sees no token; they score 0, as in rouge_score."""
    rouge1: RougeScores
    rouge2: RougeScores
    rouge_l: RougeScores


class Confusion(Finding):
    """What was answered where which label was right."""

    labels: list[str]
    """Labels of the references, the commonest first; after the last listed, all others are one."""
    counts: list[list[int]]
    """A row for each label that was right, a column for each that was answered. Behind the labels
    stands one more column: answers that are no label of the references."""
    other_labels: int
    """Labels that are too rare to be listed and are told together in the last row and column but
    one; 0: all are listed."""


class ExactShare(Finding):
    """Tasks of any kind whose answer is the reference.

    A label as `ExactMatch` has it; any other answer in all its characters but for white space
    around it.
    """

    tasks: int
    right: int
    share: Estimate


class ExactMatch(Finding):
    """Classification tasks whose answer is the label, after both were normalised."""

    tasks: int
    right: int
    share: Estimate
    normalisation: str
    """What is not held against an answer, in words."""
    confusion: Confusion


class Perplexity(Finding):
    """How surprised a model is by the references; 1 is not at all."""

    tasks: int
    """Those of which log probabilities are known."""
    tokens: int
    """Or labels, of an encoder that tells them: one a task."""
    loss: Estimate
    """Mean negative log probability of a token, or label, in nats."""
    perplexity: Estimate
    """e to the power of the loss; the same interval, transformed."""
    bits_per_byte: Estimate | None = None
    """Of the references' UTF-8, which, unlike the figures of tokens, can be compared across
    tokenizers. Null: not known of any task."""
    impossible_tokens: int = 0
    """Tokens of probability 0 or unknown (NaN); tasks with one are left out of the figures."""


class ModelFigures(Finding):
    """One model on the held-out tasks."""

    name: str
    answered: int
    unanswered: int
    """Tasks without an answer; they score as empty ones."""
    empty: int
    """Answers that say nothing."""
    cut_off: int
    """Answers that the length limit ended."""
    rouge: list[RougeFigures] = Field(default_factory=list)
    exact: ExactShare | None = None
    """Over all tasks."""
    exact_match: ExactMatch | None = None
    """Over classification tasks; null: there is none."""
    perplexity: Perplexity | None = None
    """Null: not measured."""


class JudgeCost(Finding):
    """What a judge was paid for, in this try of the job and before."""

    calls: int
    """Those that failed among them."""
    prompt_tokens: int
    completion_tokens: int
    cost_usd: Decimal | None = None
    """US dollars for the answers that came; null: its model has no price."""
    unknown_usd: Decimal | None = None
    """At the most, for calls of which no answer came, and that may have been paid for; null: its
    model has no price."""
    reused: int = 0
    """Judgements that the job which tuned had paid for; in no other figure."""


class JudgeFigures(Finding):
    """What a model as judge says of pairs of answers, each asked about in both orders."""

    judge: str
    is_contender: bool = False
    """Whether it is, by its name, one of the two models that it judges: then it is no witness."""
    pairs: int
    wins: int
    """Of the tuned model: in both orders its answer was the better one."""
    ties: int
    """Called so, or called one way in one order and the other way in the other."""
    losses: int
    failed: int
    """Pairs of which a judgement could not be had or read; in no figure of wins, ties, losses."""
    unasked: int = 0
    """Pairs that it was not asked about in both orders, for the judging ended early; nor in those.
    """
    identical: int
    """Pairs of equal answers, which are ties; nobody was asked."""
    score: Estimate | None
    """Wins and half of the ties over all pairs that were judged; 0.5 is no difference. Null: no
    pair could be judged."""
    p_value: float | None = None
    """How often chance alone parts wins and losses as unevenly; two-sided. Null: as the score."""
    said_first: int
    """Readable judgements for the answer that stood first; far from `said_second`, the judge looks
    at the place."""
    said_second: int
    said_tie: int
    orders_differ: int
    """Pairs whose two judgements do not agree."""
    longer_won: int = 0
    """Wins and losses that went to the longer answer: most of them, and the judge may look at the
    length."""
    shorter_won: int = 0
    outcomes: dict[str, JudgedOutcome] = Field(default_factory=dict)
    """By task: what became of its pair."""
    cost: JudgeCost | None = None
    """Null: not known."""
    trouble: str | None = None
    """Why not all pairs were asked about; null: all were."""


class ModelLevels(Finding):
    """What one person said of one model's answers."""

    model: str
    counts: dict[str, int]
    """Answers by level, A to D."""
    satisfying: Estimate
    """Share of A."""
    acceptable: Estimate
    """Share of A and B."""


class Agreement(Finding):
    """How far two agree on what both rated."""

    one: str
    other: str
    rated: Literal["answers", "pairs"]
    """Two people by the level of each answer; a person and a judge by which of a pair is better."""
    both_rated: int
    same: int
    kappa: float | None
    """Cohen's; null: not defined, such as where both said the same throughout."""
    weighted_kappa: float | None
    """With linear weights: A against B counts as a third of A against D, and a tie against a win
    as half of a loss against a win."""


class ReviewerFigures(Finding):
    """One person's sheet."""

    reviewer: str
    rated: int
    unrated: int
    models: list[ModelLevels]
    """The base model first."""
    preference: Comparison | None = None
    """The tuned model against the base by the levels of the tasks whose answers both were rated:
    wins less losses over tasks. Null: there is none, or one model alone."""


class ReviewFigures(Finding):
    """What people said, by the paper's four levels."""

    reviewers: list[ReviewerFigures]
    agreements: list[Agreement] = Field(default_factory=list)
    """Of every two people, and of every person with the judge, as far as both rated the same."""
