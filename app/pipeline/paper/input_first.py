"""Input-first instance generation as the paper's code does it (2.2 step 3, not classification)."""

import re
from collections.abc import Iterator
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
    temperature=0.0, top_p=0.0, max_tokens=350, presence_penalty=1.5, stop=("Example 6", "Task:")
)
_EXAMPLE = re.compile(r"Example\s?\d*\.?")
# Possessive, so that a run of spaces is read once and not in every way it can be divided.
_OUTPUT = re.compile(r"Output\s*+\d*+\s*+:")
_INPUT = re.compile(r"Input\s*+\d*+\s*+:")


@cache
def _template() -> PromptTemplate:
    examples = worked_examples("paper/input_first")
    rendered = (_worked(example["instruction"], example["instances"]) for example in examples)
    return template("paper/input_first", examples="\n\n".join(rendered))


def _worked(instruction: str, instances: list[dict[str, str]]) -> str:
    lines = [f"Task: {instruction}"]
    for n, instance in enumerate(instances, start=1):
        if instance["input"]:
            lines += [f"Example {n}", f"Input: {instance['input']}"]
        lines += [f"Output: {instance['output']}"]
    return "\n".join(lines)


def _build_request(instruction: str, asking: Asking) -> Request:
    return Request(
        prompt=_template().render_text(instruction=instruction.strip()),
        parameters=overridden(_PARAMETERS, asking.options.sampling.input_first),
        prompt_version=_template().version,
    )


def _parse(completion: Completion, _instruction: str, options: RunOptions) -> ReadInstances:
    """Split at "Example n"; without one, an Output marker makes the reply one instance."""
    read = tuple(_read(completion.text.strip()))
    if not read:
        return ReadInstances(rejected=(Rejected(completion.text, "no_instance"),))
    return screen(completion, read, options.most_instances)


def _read(text: str) -> Iterator[Instance]:
    if _EXAMPLE.search(text):
        yield from (_read_one(part.strip()) for part in _EXAMPLE.split(text) if part.strip())
    elif _OUTPUT.search(text):
        yield _read_one(text)


def _read_one(text: str) -> Instance:
    """Before the first Output marker the input, after it the output, up to a next marker."""
    before, *after = _OUTPUT.split(text)
    input_text, output = (before, after[0]) if after else ("", text)
    output = _INPUT.split(output.strip())[0]
    leading = _INPUT.match(input_text.strip())
    input_text = input_text.strip()[leading.end() if leading else 0 :]
    return Instance(input_text.strip(), output.strip())


STAGE: InstantiateStage = InstantiateStage(_build_request, _parse)
