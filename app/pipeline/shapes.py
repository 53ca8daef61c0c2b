"""The shapes of stages: each builds a request and reads a completion.

A profile fills these shapes. A stage constant must be annotated with its shape, or mypy does not
notice when its two functions disagree.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from app.dataset_row import Record
from app.pipeline.demonstrations import Demonstration
from app.pipeline.options import RunOptions, Sampling
from app.pipeline.types import (
    Capabilities,
    Completion,
    Parameters,
    ReadCandidates,
    ReadInstances,
    ReadLabel,
    ReadReview,
    Request,
)


@dataclass(frozen=True, slots=True)
class Asking:
    """The options of a run and the capabilities of its endpoint, which shape every request."""

    options: RunOptions
    capabilities: Capabilities

    @property
    def json_answers(self) -> bool:
        """Return True when replies are asked for in a JSON schema rather than in marked text."""
        wanted = self.options.answer_format
        return self.capabilities.json_schema if wanted == "auto" else wanted == "json_schema"


@dataclass(frozen=True, slots=True)
class GenerateStage:
    """Step 1: from demonstrations to candidate instructions."""

    build_request: Callable[[Sequence[Demonstration], Asking], Request]
    parse: Callable[[Completion, int, RunOptions], ReadCandidates]
    """Takes the completion, the number of demonstrations in its prompt, and the options."""


@dataclass(frozen=True, slots=True)
class ClassifyStage:
    """Step 2: from an instruction to the label whether it is a classification task.

    `build_request` takes the number of failed attempts; `parse` takes the model's bias, or None
    when it was not measured, and the options.
    """

    build_request: Callable[[str, Asking, int], Request]
    parse: Callable[[Completion, float | None, RunOptions], ReadLabel]


@dataclass(frozen=True, slots=True)
class InstantiateStage:
    """Step 3: from an instruction to instances; input-first and output-first are two of these."""

    build_request: Callable[[str, Asking], Request]
    parse: Callable[[Completion, str, RunOptions], ReadInstances]
    """Takes the completion, the instruction and the options."""


@dataclass(frozen=True, slots=True)
class ReviewStage:
    """The one step of a review: from a row of a data set to the decision about it.

    `build_request` takes the number of failed attempts.
    """

    build_request: Callable[[Record, Asking, int], Request]
    parse: Callable[[Completion, Record, RunOptions], ReadReview]
    given_up: str
    """The reason stored for a row when no reply could be used after all attempts."""


def overridden(values: Parameters, sampling: Sampling) -> Parameters:
    """Return the profile's parameters, with the user's values in place of some."""
    return replace(values, **sampling.model_dump(exclude_none=True))
