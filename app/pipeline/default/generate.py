"""Instruction generation by a chat model: the paper's demonstrations, none of the code's faults.

Case is kept, a number that the model skipped loses nothing, and a reply that was cut off loses its
last item only.
"""

from collections.abc import Sequence
from itertools import islice

from app.pipeline.default.lists.task_list import read_tasks
from app.pipeline.demonstrations import Demonstration
from app.pipeline.options import RunOptions
from app.pipeline.prompts import chat_version, template
from app.pipeline.replies.clean_text import cleaned
from app.pipeline.replies.final_answer import final_answer
from app.pipeline.shapes import Asking, GenerateStage, overridden
from app.pipeline.types import (
    ChatPrompt,
    Completion,
    JsonSchema,
    Message,
    Parameters,
    ReadCandidates,
    Rejected,
    Request,
)

_PARAMETERS = Parameters(temperature=1.0, top_p=0.95, max_tokens=1024)
_MOST_ITEMS = 200
"""Maximum number of items read from one reply."""


def _build_request(demonstrations: Sequence[Demonstration], asking: Asking) -> Request:
    count = asking.options.tasks_per_request
    form = _JSON_FORM if asking.json_answers else _LIST_FORM
    system = template("default/generate.system").fixing(wishes=_wishes(asking.options))
    user = template("default/generate.user").fixing(count=count, form=form)
    shown = [" ".join(d.instruction.split()) for d in demonstrations]
    words = user.render(numbered="\n".join(f"{n}. {t}" for n, t in enumerate(shown, start=1)))
    return Request(
        prompt=ChatPrompt(
            (
                Message("system", system.render()),
                Message("user", words),
            ),
            schema=_schema(count) if asking.json_answers else None,
        ),
        parameters=overridden(_PARAMETERS, asking.options.sampling.generate),
        prompt_version=chat_version(system, user),
    )


_JSON_FORM = ' Answer with a JSON object whose "instructions" is the list of them.'
_LIST_FORM = " Number them, each on a line of its own, and write nothing else."


def _wishes(options: RunOptions) -> str:
    wishes = ""
    if options.language:
        wishes += f"\n- It is written in {options.language}."
    if options.classification_share is not None:
        wishes += (
            f"\nAbout {options.classification_share:.0%} of the new tasks are classification"
            " tasks: their answer is one of a few labels, which the instruction names."
        )
    return wishes


def _schema(count: int) -> JsonSchema:
    return {
        "type": "object",
        "properties": {
            "instructions": {"type": "array", "items": {"type": "string"}, "maxItems": count}
        },
        "required": ["instructions"],
        "additionalProperties": False,
    }


def _parse(completion: Completion, _shown: int, options: RunOptions) -> ReadCandidates:
    """Read a list in any form; every complete item is read, whatever surrounds it."""
    answer = final_answer(completion.text)
    reading = read_tasks(answer, options.tasks_per_request, cut_off=completion.cut_off)
    items = tuple(islice(reading, _MOST_ITEMS))
    if next(reading, None) is not None:
        items = (*items, Rejected(f"more than {_MOST_ITEMS} items", "too_many_items"))
    return ReadCandidates(items or (Rejected(cleaned(completion.text), "unreadable"),))


STAGE: GenerateStage = GenerateStage(_build_request, _parse)
