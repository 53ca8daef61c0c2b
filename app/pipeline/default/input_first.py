"""Input-first instance generation by a chat model: for tasks whose answer is written."""

from functools import cache

from app.pipeline.default.instances import read, request, worked
from app.pipeline.options import RunOptions
from app.pipeline.prompts import PromptTemplate, template, worked_examples
from app.pipeline.shapes import Asking, InstantiateStage, overridden
from app.pipeline.types import Completion, Parameters, ReadInstances, Request

_ORDER = ("input", "output")
_PARAMETERS = Parameters(temperature=0.0, top_p=1.0, max_tokens=1024)


@cache
def _system() -> PromptTemplate:
    examples = (worked(example, _ORDER) for example in worked_examples("input_first"))
    return template("default/input_first.system", examples="\n\n".join(examples))


def _build_request(instruction: str, asking: Asking) -> Request:
    parameters = overridden(_PARAMETERS, asking.options.sampling.input_first)
    return request(instruction, asking, system=_system(), order=_ORDER, parameters=parameters)


def _parse(completion: Completion, instruction: str, options: RunOptions) -> ReadInstances:
    return read(completion, instruction, options, first=_ORDER[0])


STAGE: InstantiateStage = InstantiateStage(_build_request, _parse)
