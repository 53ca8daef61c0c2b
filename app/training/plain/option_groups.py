"""The groups of options that training and evaluation jobs are made of, with their defaults.

The API and the command line show the descriptions below as their documentation.
"""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

MethodName = Literal[
    "lora", "rslora", "dora", "qlora", "adalora", "prefix", "ia3", "bottleneck", "full"
]
TrackerName = Literal["tensorboard", "trackio", "wandb", "mlflow"]
TargetPreset = Literal["q and v", "all linear"]
Placement = Literal["houlsby", "pfeiffer"]
Activation = Literal["relu", "gelu", "silu", "tanh"]
DatasetId = Annotated[str, Field(min_length=1, max_length=40)]
RunId = Annotated[str, Field(min_length=1, max_length=40)]
ModuleName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.]{1,200}$")]
DEFAULT_LEARNING_RATE: dict[MethodName, float] = {
    "lora": 3e-4,
    "rslora": 3e-4,
    "dora": 3e-4,
    "qlora": 2e-4,
    "adalora": 1e-3,
    "prefix": 1e-2,
    "ia3": 8e-3,
    "bottleneck": 1e-3,
    "full": 2e-5,
}


class OptionGroup(BaseModel):
    """Options that belong together; unknown names are rejected."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class MethodOptions(OptionGroup):
    """The tuning method and its hyperparameters; a method ignores those it does not use."""

    name: MethodName = "lora"
    """Tuning method. `lora` adds low-rank matrices; `rslora` scales them by the square root of the
    rank; `dora` also learns the magnitude of each weight vector; `qlora` keeps the base model in
    4 bits; `adalora` moves rank to the layers that need it; `prefix` learns keys and values in
    front of the text; `ia3` learns scaling factors; `bottleneck` adds small layers behind the
    blocks of the model; `full` updates all weights."""
    rank: int | None = Field(default=None, ge=1, le=1024)
    """Rank of the low-rank matrices; for `adalora`, the final average rank. Default: 8, or 64 for
    `qlora`."""
    initial_rank: int = Field(default=12, ge=1, le=1024)
    """Rank of each layer at the start of `adalora`."""
    alpha: float = Field(default=16.0, gt=0.0, le=10_000.0)
    """Scale of the adapter: its output is multiplied by alpha / rank, or by alpha / sqrt(rank) for
    `rslora`."""
    dropout: float = Field(default=0.05, ge=0.0, lt=1.0)
    """Dropout probability on the input of the adapter during training."""
    targets: TargetPreset | tuple[ModuleName, ...] | None = None
    """Modules to adapt: `q and v`, `all linear`, or a list of module names or name suffixes.
    Default: `q and v`; for `qlora`, all linear layers; for `ia3`, keys, values and the output of
    the feed-forward layer. `bottleneck` takes only names, of modules whose output it changes;
    default: by `placement`."""
    virtual_tokens: int = Field(default=20, ge=1, le=4096)
    """Number of virtual tokens that `prefix` puts before the text."""
    placement: Placement = "houlsby"
    """Place of the layers of `bottleneck`: `houlsby` behind the attention and the feed-forward
    layer of each block, `pfeiffer` behind the feed-forward layer only."""
    reduction_factor: int = Field(default=16, ge=1, le=1024)
    """Width of the model divided by the inner width of the layers of `bottleneck`."""
    activation: Activation = "relu"
    """Activation function inside the layers of `bottleneck`."""

    @property
    def effective_rank(self) -> int:
        """Return the rank, or the default of the method."""
        if self.rank is not None:
            return self.rank
        return 64 if self.name == "qlora" else 8

    @model_validator(mode="after")
    def _check_ranks(self) -> Self:
        if self.name == "adalora" and self.initial_rank < self.effective_rank:
            raise ValueError("initial_rank must not be below rank: adalora only reduces ranks")
        return self

    @model_validator(mode="after")
    def _check_placement(self) -> Self:
        if self.name == "bottleneck" and isinstance(self.targets, str):
            raise ValueError(
                f"bottleneck cannot have the targets {self.targets!r}: leave targets out and set "
                "placement, or name the modules whose output it changes"
            )
        return self


class DataOptions(OptionGroup):
    """Rules for turning rows into tokens."""

    template: Literal["alpaca", "chat"] = "alpaca"
    """Prompt template: `alpaca`, or `chat` for the chat template of the model."""
    max_tokens: int = Field(default=512, ge=8, le=131_072)
    """Longest row, in tokens; longer rows are truncated at the end, and counted."""
    packing: bool = False
    """Pack several rows into one sequence, without attention between them; not for `prefix`."""
    replay_share: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Share of general rows in the training rows, to reduce forgetting; needs
    `replay_dataset_id`."""
    replay_dataset_id: DatasetId | None = None
    """Data set that the general rows come from."""

    @model_validator(mode="after")
    def _check_replay(self) -> Self:
        if self.replay_share and self.replay_dataset_id is None:
            raise ValueError("replay_share needs replay_dataset_id, the data set to take rows from")
        if self.replay_dataset_id is not None and not self.replay_share:
            raise ValueError("replay_dataset_id needs replay_share, the share of general rows")
        return self


class ScheduleOptions(OptionGroup):
    """Length of the training, batch size and learning rate."""

    epochs: float = Field(default=3.0, gt=0.0, le=1000.0)
    """Number of passes over all rows; ignored when `steps` is set."""
    steps: int | None = Field(default=None, ge=1, le=10_000_000)
    """Number of optimizer steps, instead of `epochs`."""
    batch: int = Field(default=16, ge=1, le=65_536)
    """Sequences per optimizer step."""
    micro_batch: int = Field(default=4, ge=1, le=65_536)
    """Sequences in memory at a time (gradient accumulation); it does not change the result."""
    recompute: bool | None = None
    """Use gradient checkpointing: less memory, more time, the same result; not for `prefix`.
    Default: only for `qlora` on a GPU."""
    learning_rate: float | None = Field(default=None, gt=0.0, le=10.0)
    """Highest learning rate. Default: the usual one of the method."""
    shape: Literal["constant", "linear", "cosine"] = "cosine"
    """Learning rate schedule after the warm-up; all but `constant` end at zero."""
    warmup_share: float = Field(default=0.03, ge=0.0, le=0.9)
    """Share of the steps used for the linear warm-up."""
    weight_decay: float = Field(default=0.0, ge=0.0, le=1.0)
    """Weight decay of AdamW."""
    most_gradient: float = Field(default=1.0, gt=0.0, le=1e6)
    """Largest gradient norm; larger gradients are clipped to it."""
    checkpoint_every: int = Field(default=50, ge=1, le=1_000_000)
    """Steps between checkpoints; one is also written at the end and when a job is stopped."""


class JudgeOptions(OptionGroup):
    """A judge model that compares the answers of the base and the tuned model, in both orders."""

    model: str | None = Field(default=None, max_length=200)
    """Name of the judge model. Default: the model that runs use (`SEEDBED_MODEL`)."""
    most_pairs: int = Field(default=100, ge=1, le=10_000)
    """Largest number of pairs to judge; each takes two calls."""
    most_cost_usd: Decimal | None = Field(default=None, gt=0, le=1_000_000, decimal_places=6)
    """Stop judging before its calls cost more than this (US dollars). Needs the price of the model
    in the settings. Default: no limit."""
    json_answers: bool = True
    """Ask for the verdict by a JSON schema; false: as marked text."""
    shows_reference: bool = True
    """Show the judge the output of the row as a reference answer."""


class EvaluationOptions(OptionGroup):
    """The rows a model is evaluated on, and the metrics."""

    held_out_share: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Share of the rows to hold out for the evaluation; no held-out row is a near-duplicate of a
    training row. A data set with a test split uses its test rows instead. 0 holds out nothing."""
    held_out_dataset_id: DatasetId | None = None
    """Evaluate on this data set instead, and hold out no training row: its test rows, or all rows
    when it has no split, without near-duplicates of training rows."""
    tasks: int = Field(default=100, ge=1, le=10_000)
    """Largest number of held-out rows to evaluate, drawn with the seed."""
    answer_tokens: int = Field(default=128, ge=1, le=8192)
    """Longest answer, in tokens."""
    rouge_stemmer: bool = False
    """Also report ROUGE with the English stemmer of `rouge_score`, as some papers do."""
    general_dataset_id: DatasetId | None = None
    """General data set to measure forgetting on: the loss before and after the training."""
    general_tasks: int = Field(default=100, ge=1, le=10_000)
    """Largest number of general rows to evaluate."""
    layers: bool = False
    """Measure the part of each layer of the adapter in what was gained, and in what was forgotten
    with a `general_dataset_id`: one more pass over the rows for each layer. Not for `prefix` and
    `full`, which adapt no layers."""
    judge: JudgeOptions | None = None
    """Have a judge model compare the answers. Default: no judge."""


class OutputOptions(OptionGroup):
    """Further output files of a job, beside the adapter and the evaluation."""

    merged: bool = False
    """Also write the base model with the adapter merged into its weights, where the method allows
    it."""
    gguf: bool = True
    """Also write the adapter as a GGUF file for llama.cpp, where that supports method and model."""
    report_to: tuple[TrackerName, ...] = Field(default=(), max_length=4)
    """Experiment trackers that get the loss and the learning rate of each step: `tensorboard`,
    `trackio`, `wandb`, `mlflow`. Their packages are installed beside the worker. Default: none."""
