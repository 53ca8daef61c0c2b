"""Alpaca's single stage: whole tasks, three shown and twenty asked for, instances included.

As its public code decides, but for one known fault: 28 of its 52,002 published rows have an empty
output, and here a task without an output is rejected.
"""

import re
from collections.abc import Iterator, Sequence

from app.pipeline.demonstrations import Demonstration
from app.pipeline.options import RunOptions
from app.pipeline.prompts import template
from app.pipeline.shapes import Asking, GenerateStage, overridden
from app.pipeline.types import (
    Candidate,
    Completion,
    Instance,
    Parameters,
    ReadCandidates,
    Rejected,
    Request,
)

_PARAMETERS = Parameters(temperature=1.0, top_p=1.0, max_tokens=3072, stop=("\n20", "20."))
_NO_INPUT = "<noinput>"
_MARK = re.compile(r"(?<!\d)(\d+)\.\s+(Instruction|Input|Output):")
SHOWN = 3
"""Tasks in the prompt; the reply starts inside the next one."""


def _build_request(demonstrations: Sequence[Demonstration], asking: Asking) -> Request:
    words = template("alpaca/generate")
    shown = "\n".join(_task(n, d) for n, d in enumerate(demonstrations, start=1))
    return Request(
        prompt=words.render_text(tasks=shown, next_number=len(demonstrations) + 1),
        parameters=overridden(_PARAMETERS, asking.options.sampling.generate),
        prompt_version=words.version,
    )


def _task(number: int, shown: Demonstration) -> str:
    instruction = " ".join(shown.instruction.split()).rstrip(":")
    instance = shown.instance or Instance("", "")
    return "\n".join(
        [
            "###",
            f"{number}. Instruction: {instruction}",
            f"{number}. Input:\n{instance.input or _NO_INPUT}",
            f"{number}. Output:\n{instance.output}",
        ]
    )


def _parse(completion: Completion, shown: int, _options: RunOptions) -> ReadCandidates:
    return ReadCandidates(tuple(_read(completion, shown + 1)))


def _read(completion: Completion, first: int) -> Iterator[Candidate | Rejected]:
    """Split at ``###``; a block counts when its three marks bear the number that is due.

    The first block is due the number that the prompt ended with, whatever number the model wrote;
    each later one is due one more. So a reply that begins with another number is lost whole, as in
    the public code.
    """
    blocks = f"{first}. Instruction:{completion.text}".split("###")
    for n, block in enumerate(blocks):
        if completion.cut_off and n == len(blocks) - 1:
            yield Rejected(block, "cut_off")
            continue
        yield _read_block(block, first + n)


def _read_block(block: str, number: int) -> Candidate | Rejected:
    parts = list(_parts(block, str(number)))
    if len(parts) != 4:
        return Rejected(block, "unreadable")
    instruction, input_text, output = (part.strip() for part in parts[1:])
    if not output:
        return Rejected(instruction, "empty_output")
    without = input_text.lower() == _NO_INPUT
    return Candidate(instruction, (Instance("" if without else input_text, output),))


def _parts(block: str, number: str) -> Iterator[str]:
    """Split a block at marks with the number, or ending in it as in the public code."""
    position = 0
    for mark in _MARK.finditer(block):
        if mark.group(1).endswith(number):
            yield block[position : mark.end(1) - len(number)]
            position = mark.end()
    yield block[position:]


STAGE: GenerateStage = GenerateStage(_build_request, _parse)
