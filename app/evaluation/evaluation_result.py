"""An evaluation whole, as it is kept as JSON and shown as a report."""

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
    """How intervals were made, so that they can be made again."""

    level: float = 0.95
    """The part of such intervals that hold the true value."""
    resamples: int = 2000
    seed: int = 0


class Forgetting(Finding):
    """What the model could do before, on general rows that have nothing to do with the training."""

    tasks: int
    before: Perplexity | None = None
    after: Perplexity | None = None
    loss_change: Estimate | None = None
    """Loss of a token after less before, task by task; above 0 it has forgotten."""
    rouge_l: Comparison | None = None
    """ROUGE-L F by the unicode tokenizer, after less before; null: no answers were given."""
    verdict: Literal["forgot", "kept", "gained", "unknown"] = "unknown"
    """``kept``: the interval of the loss's change holds 0; ``unknown``: there is no interval."""


class ProgressPoint(Finding):
    """A step of the training."""

    step: int
    loss: float | None = None
    learning_rate: float | None = None
    held_out_loss: float | None = None


class LayerRank(Finding):
    """The rank that one adapted matrix ended with (AdaLoRA) or was given."""

    layer: int
    """0-based, from the input on."""
    module: str
    """Such as ``q_proj``."""
    rank: int


class Truncation(Finding):
    """What did not fit into the model's window in training."""

    max_tokens: int
    """A row's most tokens."""
    rows: int
    truncated: int
    """Rows that lost their end."""
    left_out: int
    """Rows of which no token of the answer was left; none is trained on."""
    tokens: int
    """Of all rows, before."""
    tokens_cut: int


class TrainingFacts(Finding):
    """How the tuned model was made, as far as a reader of its scores needs to know."""

    method: str
    """Such as ``lora`` or ``adalora``."""
    base_model: str
    dataset: str
    """As the reader knows it: name and version."""
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
    """In words: what the adapter costs when the model is used, such as nothing once merged."""

    @property
    def trainable_share(self) -> float:
        """Of all parameters."""
        return self.trainable_parameters / self.all_parameters if self.all_parameters else 0.0


class ExampleAnswer(Finding):
    """A task with both models' answers."""

    task_id: str
    instruction: str
    input: str
    reference: str
    base: str
    tuned: str
    metric: str
    """What the two scores are: ``exact match`` or ``ROUGE-L F``."""
    base_score: float
    tuned_score: float


class Evaluation(Finding):
    """What a model can do, beside what the base model could: figures with intervals, and words."""

    title: str
    made_at: str = ""
    """As it is to be shown, such as an ISO 8601 time."""
    tasks: int
    classification_tasks: int
    drawing: BootstrapOptions
    models: list[ModelFigures]
    """The base model first, then the tuned one if there is one."""
    comparisons: list[Comparison] = Field(default_factory=list)
    """The tuned model against the base; empty where there is one model."""
    loss_of: LossUnit = "token"
    """What a loss is of, in training too: a token of the answer, or the label of a text."""
    loss_change: Estimate | None = None
    """Loss of a reference's token, or label, tuned less base, task by task; below 0 it has
    learned."""
    judge: JudgeFigures | None = None
    review: ReviewFigures | None = None
    forgetting: Forgetting | None = None
    training: TrainingFacts | None = None
    better: list[ExampleAnswer] = Field(default_factory=list)
    """Where the tuned model gained most."""
    worse: list[ExampleAnswer] = Field(default_factory=list)
    """Where it lost most."""
    words: list[str] = Field(default_factory=list)
    """What the figures say, in sentences."""
