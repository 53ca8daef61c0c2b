"""Sample requests of a run's stages, from which the questions of the preflight are made."""

from collections.abc import Iterator
from functools import partial

from app.dataset_row import Record
from app.llm.preflight.questions import Question, Sample, questions_for
from app.pipeline.demonstrations import Demonstration
from app.pipeline.options import RunOptions
from app.pipeline.profiles import PROFILES
from app.pipeline.shapes import Asking
from app.pipeline.types import Capabilities, Instance, Request, Stage
from app.services.generation.work.learned import may_raise_limit

_TASK = "Name two rivers."
_DEMONSTRATION = Demonstration(_TASK, Instance("", "The Po and the Rhine."))
_ROW = Record(_TASK, "The Po and the Rhine.")
_ALL = Capabilities(json_schema=True, logprobs=True)


def questions_of(options: RunOptions) -> tuple[Question, ...]:
    """Return the questions that a preflight of a run with these options asks."""
    return questions_for(list(samples_of(options, _ALL)))


def samples_of(options: RunOptions, capabilities: Capabilities) -> Iterator[Sample]:
    """Yield a request of each stage of a run at an endpoint with these capabilities."""
    profile = PROFILES[options.profile]
    asking = Asking(options, capabilities)
    sample = partial(_sample, options)
    if profile.generate is not None:
        shown = [_DEMONSTRATION]
        yield sample(Stage.GENERATE, profile.generate.build_request(shown, asking))
    if profile.classify is not None:
        yield sample(Stage.CLASSIFY, profile.classify.build_request(_TASK, asking, 0))
    for stage in (profile.input_first, profile.output_first):
        if stage is not None:
            yield sample(Stage.INSTANTIATE, stage.build_request(_TASK, asking))
    if profile.review is not None:
        yield sample(Stage.REVIEW, profile.review.build_request(_ROW, asking, 0))


def _sample(options: RunOptions, stage: Stage, request: Request) -> Sample:
    return Sample(stage, request, may_be_raised=may_raise_limit(options, stage))
