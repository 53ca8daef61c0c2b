"""Output-first instance generation as the paper's code does it (2.2 step 3, classification).

The label comes first because a model asked for inputs first makes most of them of one label.
"""

from functools import cache

from app.pipeline.options import RunOptions
from app.pipeline.paper.instances import screen
from app.pipeline.prompts import PromptTemplate, template, worked_examples
from app.pipeline.shapes import Asking, InstantiateStage, overridden
from app.pipeline.types import (
    Completion,
    Instance,
    Parameters,
    ReadInstances,
    Rejected,
    Request,
)

_PARAMETERS = Parameters(
    temperature=0.0, top_p=0.0, max_tokens=300, presence_penalty=1.5, stop=("Example 6", "Task:")
)
_MARKER = "Class label:"


@cache
def _template() -> PromptTemplate:
    examples = worked_examples("paper/output_first")
    rendered = (_worked(example["instruction"], example["instances"]) for example in examples)
    return template("paper/output_first", examples="\n\n".join(rendered))


def _worked(instruction: str, instances: list[dict[str, str]]) -> str:
    lines = [f"Task: {instruction}"]
    for instance in instances:
        lines += [f"{_MARKER} {instance['output']}"]
        lines += [instance["input"]] if instance["input"] else []
    return "\n".join(lines)


def _build_request(instruction: str, asking: Asking) -> Request:
    return Request(
        prompt=_template().render_text(instruction=instruction.strip()),
        parameters=overridden(_PARAMETERS, asking.options.sampling.output_first),
        prompt_version=_template().version,
    )


def _parse(completion: Completion, _instruction: str, options: RunOptions) -> ReadInstances:
    """Read after each marker: the first line is the label (the output), the rest the input."""
    _, *parts = completion.text.split(_MARKER)
    if not parts:
        return ReadInstances(rejected=(Rejected(completion.text, "no_instance"),))
    return screen(completion, tuple(map(_read_one, parts)), options.most_instances)


def _read_one(text: str) -> Instance:
    label, _, rest = text.strip().partition("\n")
    return Instance(rest.strip(), label.strip())


STAGE: InstantiateStage = InstantiateStage(_build_request, _parse)
