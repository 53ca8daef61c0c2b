"""A complete evaluation, as stored as JSON and shown as a report."""

from typing import Literal

from pydantic import Field

from app.evaluation.metrics import (
    Comparison,
    Estimate,
    Finding,
    JudgeFigures,
    LossUnit,
    ModelFigures,
    Perplexity,
    ReviewFigures,
)


class BootstrapOptions(Finding):
    """Options of the confidence intervals, recorded so that they can be reproduced."""

    level: float = 0.95
    """Confidence level of the intervals."""
    resamples: int = 2000
    seed: int = 0


class Forgetting(Finding):
    """Forgetting: performance on general rows before and after the training."""

    tasks: int
    before: Perplexity | None = None
    after: Perplexity | None = None
    loss_change: Estimate | None = None
    """Loss per token after minus before, paired by task; above 0 means forgetting."""
    rouge_l: Comparison | None = None
    """ROUGE-L F by the unicode tokenizer, after compared with before; null: no answers."""
    verdict: Literal["forgot", "kept", "gained", "unknown"] = "unknown"
    """``kept``: the interval of the change contains 0; ``unknown``: there is no interval."""


class SourceFigures(Finding):
    """Metrics on the held-out tasks of one source; lists have the base model first."""

    source: str
    """Name and version of a data set, or a run."""
    tasks: int
    exact: list[Estimate]
    """Share of answers equal to the reference, of each model."""
    rouge_l: list[Estimate]
    """Mean ROUGE-L F by the unicode tokenizer, of each model."""
    loss: list[Estimate | None]
    """Loss of the references, of each model; null: not measured."""
    loss_change: Estimate | None = None
    """Loss of the tuned model minus that of the base, paired by task."""


class LayerEffect(Finding):
    """The loss with one layer of the adapter switched off, compared with the whole adapter."""

    layer: str
    """Number from 0, counted from the input; with several stacks, the name of the stack before."""
    gained: Estimate | None = None
    """Loss per token, or label, of the held-out rows without the layer, minus that with it: above 0
    means that the layer carries a part of what was learnt."""
    forgotten: Estimate | None = None
    """Loss of the general rows with the layer, minus that without it: above 0 means that the layer
    carries a part of what was forgotten; null: there are no general rows."""


class ProgressPoint(Finding):
    """Loss and learning rate at one training step."""

    step: int
    loss: float | None = None
    learning_rate: float | None = None
    held_out_loss: float | None = None


class LayerRank(Finding):
    """The rank of one adapted matrix: the final one (AdaLoRA) or the configured one."""

    layer: int
    """0-based, counted from the input."""
    module: str
    """Such as ``q_proj``."""
    rank: int


class Truncation(Finding):
    """Rows truncated in training."""

    max_tokens: int
    """Maximum number of tokens of a row."""
    rows: int
    truncated: int
    """Truncated rows."""
    left_out: int
    """Rows without any token of the answer left; they are not trained on."""
    tokens: int
    """Tokens of all rows before truncation."""
    tokens_cut: int


class TrainingFacts(Finding):
    """Facts about the training of the tuned model, for readers of its scores."""

    method: str
    """Such as ``lora`` or ``adalora``."""
    base_model: str
    dataset: str
    """Name and version."""
    device: str = ""
    steps: int
    duration_s: float | None = None
    trainable_parameters: int
    all_parameters: int
    points: list[ProgressPoint] = Field(default_factory=list)
    ranks: list[LayerRank] = Field(default_factory=list)
    """Empty: the method has no ranks."""
    initial_rank: int | None = None
    truncation: Truncation | None = None
    inference_cost: str = ""
    """Inference cost of the adapter in words, such as none when merged."""

    @property
    def trainable_share(self) -> float:
        """Trainable parameters divided by all parameters."""
        return self.trainable_parameters / self.all_parameters if self.all_parameters else 0.0


class InferenceCost(Finding):
    """Cost of running the tuned model beside its base model; an adapter is not merged for it."""

    base_multiply_adds: int
    """Multiplications in the linear layers of the base model, per token."""
    extra_multiply_adds: int
    """Further multiplications in the adapter, per token."""
    mergeable: bool
    """True when the adapter can be merged into the weights; then it costs nothing more. Also true
    after full tuning, which has no adapter."""
    base_token_ms: float | None = None
    """Shortest time of the base model for one token, in milliseconds; null: not measured."""
    tuned_token_ms: float | None = None
    """The same with the adapter."""

    @property
    def extra_share(self) -> float:
        """Multiplications in the adapter divided by those of the base model."""
        products = self.base_multiply_adds
        return self.extra_multiply_adds / products if products else 0.0

    @property
    def time_ratio(self) -> float | None:
        """Time for a token with the adapter, divided by that without it."""
        if not self.base_token_ms or self.tuned_token_ms is None:
            return None
        return self.tuned_token_ms / self.base_token_ms


class ExampleAnswer(Finding):
    """A task with both models' answers."""

    task_id: str
    instruction: str
    input: str
    reference: str
    base: str
    tuned: str
    metric: str
    """Metric of the two scores: ``exact match`` or ``ROUGE-L F``."""
    base_score: float
    tuned_score: float


class Evaluation(Finding):
    """An evaluation of a model, with a comparison to the base model and a summary in words."""

    title: str
    made_at: str = ""
    """As shown to readers, such as an ISO 8601 time."""
    tasks: int
    classification_tasks: int
    drawing: BootstrapOptions
    models: list[ModelFigures]
    """The base model first, then the tuned one if there is one."""
    comparisons: list[Comparison] = Field(default_factory=list)
    """The tuned model compared with the base; empty for a single model."""
    loss_of: LossUnit = "token"
    """Unit of all losses, in training, too: a token of the answer, or the label of a text."""
    loss_change: Estimate | None = None
    """Loss per token, or label, of the references: tuned minus base, paired by task; below 0 means
    an improvement."""
    sources: list[SourceFigures] = Field(default_factory=list)
    """Metrics by source; empty: all tasks have the same source."""
    judge: JudgeFigures | None = None
    review: ReviewFigures | None = None
    forgetting: Forgetting | None = None
    layers: list[LayerEffect] = Field(default_factory=list)
    """Effect of each layer of the adapter; empty: not measured."""
    training: TrainingFacts | None = None
    inference: InferenceCost | None = None
    """Cost of running the tuned model; null: there is none, or an older version evaluated it."""
    better: list[ExampleAnswer] = Field(default_factory=list)
    """Tasks where the tuned model improved most."""
    worse: list[ExampleAnswer] = Field(default_factory=list)
    """Tasks where it got worse most."""
    words: list[str] = Field(default_factory=list)
    """Summary of the results in sentences."""
