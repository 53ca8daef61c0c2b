"""Input-first instance generation by a chat model: for tasks whose answer is written."""

from app.pipeline.default.instances import read, request
from app.pipeline.options import RunOptions
from app.pipeline.shapes import Asking, InstantiateStage, overridden
from app.pipeline.types import Completion, Parameters, ReadInstances, Request

_ORDER = ("input", "output")
_PARAMETERS = Parameters(temperature=0.0, top_p=1.0, max_tokens=1024)


def _build_request(instruction: str, asking: Asking) -> Request:
    parameters = overridden(_PARAMETERS, asking.options.sampling.input_first)
    return request(instruction, asking, "input_first", order=_ORDER, parameters=parameters)


def _parse(completion: Completion, instruction: str, options: RunOptions) -> ReadInstances:
    return read(completion, instruction, options, first=_ORDER[0])


STAGE: InstantiateStage = InstantiateStage(_build_request, _parse)
