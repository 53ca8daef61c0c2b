"""Instruction generation as the paper's code does it (2.2 step 1; table 4 of its appendix)."""

import re
from collections.abc import Sequence

from app.pipeline.demonstrations import Demonstration
from app.pipeline.options import RunOptions
from app.pipeline.prompts import template
from app.pipeline.shapes import Asking, GenerateStage, overridden
from app.pipeline.types import (
    Candidate,
    Completion,
    Parameters,
    ReadCandidates,
    Rejected,
    Request,
)

_PARAMETERS = Parameters(
    temperature=0.7,
    top_p=0.5,
    max_tokens=1024,
    presence_penalty=2.0,
    stop=("\n\n", "\n16", "16.", "16 ."),
)


def _build_request(demonstrations: Sequence[Demonstration], asking: Asking) -> Request:
    words = template("paper/generate")
    shown = [" ".join(d.instruction.split()).rstrip(":") for d in demonstrations]
    numbered = "\n".join(f"{n}. {instruction}" for n, instruction in enumerate(shown, start=1))
    return Request(
        prompt=words.render_text(numbered=numbered, next_number=len(shown) + 1),
        parameters=overridden(_PARAMETERS, asking.options.sampling.generate),
        prompt_version=words.version,
    )


def _parse(completion: Completion, _shown: int, _options: RunOptions) -> ReadCandidates:
    """Split at newline-number-dot-space, fold white space, `capitalize()`.

    A reply cut off by length is dropped whole. `capitalize()` turns "NASA" into "nasa": a known
    fault, kept because it changes decisions.
    """
    if completion.cut_off:
        return ReadCandidates((Rejected(completion.text, "cut_off"),))
    parts = re.split(r"\n\d+\s?\. ", completion.text)
    folded = (re.sub(r"\s+", " ", part).strip().capitalize() for part in parts)
    return ReadCandidates(tuple(Candidate(text) for text in folded))


STAGE: GenerateStage = GenerateStage(_build_request, _parse)
