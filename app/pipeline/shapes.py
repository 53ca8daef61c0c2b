"""The shape every stage has: a request is built, a completion is read. Nothing else is public.

A profile fills these shapes. A stage constant must be annotated with its shape, or mypy does not
see when its two functions disagree.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

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
from app.record import Record


@dataclass(frozen=True, slots=True)
class Asking:
    """What shapes every request of a run: the person's options, the endpoint's abilities."""

    options: RunOptions
    capabilities: Capabilities

    @property
    def json_answers(self) -> bool:
        """Whether replies are asked for in a JSON schema rather than in marked text."""
        wanted = self.options.answer_format
        return self.capabilities.json_schema if wanted == "auto" else wanted == "json_schema"


@dataclass(frozen=True, slots=True)
class GenerateStage:
    """Step 1: demonstrations in, candidate instructions out."""

    build_request: Callable[[Sequence[Demonstration], Asking], Request]
    parse: Callable[[Completion], ReadCandidates]


@dataclass(frozen=True, slots=True)
class ClassifyStage:
    """Step 2: an instruction in, whether it is a classification task out.

    `build_request` is told which attempt this is, from 0; `parse` is told the model's bias where
    it was measured.
    """

    build_request: Callable[[str, Asking, int], Request]
    parse: Callable[[Completion, float | None], ReadLabel]


@dataclass(frozen=True, slots=True)
class InstantiateStage:
    """Step 3: an instruction in, instances out; input-first and output-first are two of these."""

    build_request: Callable[[str, Asking], Request]
    parse: Callable[[Completion, str, RunOptions], ReadInstances]
    """Told the instruction and the options beside the completion."""


@dataclass(frozen=True, slots=True)
class ReviewStage:
    """The one step of a review: a row of a data set in, what becomes of it out.

    `build_request` is told which attempt this is, from 0.
    """

    build_request: Callable[[Record, Asking, int], Request]
    parse: Callable[[Completion, Record, RunOptions], ReadReview]
    given_up: str
    """The reason of a row of which no reply could be used after all attempts."""


def overridden(values: Parameters, sampling: Sampling) -> Parameters:
    """The profile's parameters with what the person chose put over them."""
    return replace(values, **sampling.model_dump(exclude_none=True))
