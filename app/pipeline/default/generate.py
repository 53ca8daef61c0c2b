"""Instruction generation by a chat model: the paper's demonstrations, none of the code's faults.

Case is kept, a number that the model skipped loses nothing, and a reply that was cut off loses its
last item only.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from app.pipeline.default.reading import field, json_items, list_items, text_of, unmarked
from app.pipeline.demonstrations import Demonstration
from app.pipeline.options import RunOptions
from app.pipeline.prompts import chat_version, template
from app.pipeline.replies.clean_text import cleaned
from app.pipeline.replies.final_answer import final_answer
from app.pipeline.shapes import Asking, GenerateStage, overridden
from app.pipeline.types import (
    Candidate,
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
_CUT_OFF_END = 500
"""Characters of a cut-off reply's end kept with its rejection; the reply itself is kept whole."""


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


def _parse(completion: Completion, _shown: int, _options: RunOptions) -> ReadCandidates:
    """Read JSON, otherwise a list; every complete item is read, whatever surrounds it."""
    reading = _read(final_answer(completion.text), cut_off=completion.cut_off)
    items: tuple[Candidate | Rejected, ...] = tuple(islice(reading, _MOST_ITEMS))
    if next(reading, None) is not None:
        items = (*items, Rejected(f"more than {_MOST_ITEMS} items", "too_many_items"))
    return ReadCandidates(items or (Rejected(cleaned(completion.text), "unreadable"),))


def _read(text: str, *, cut_off: bool) -> Iterator[Candidate | Rejected]:
    in_json = json_items(text, "instructions")
    if in_json is not None:
        yield from _from_json(in_json)
        if cut_off:
            # An item that was cut off never closed, so it is not among those read.
            yield Rejected(text[-_CUT_OFF_END:], "cut_off")
        return
    _, listed = list_items(text)
    for n, item in enumerate(listed, start=1):
        if cut_off and n == len(listed):
            yield Rejected(item, "cut_off")
        else:
            yield Candidate(_folded(item))


def _from_json(items: Iterable[object]) -> Iterator[Candidate | Rejected]:
    for item in items:
        # Asked for texts, some models give objects with the text inside.
        text = item if isinstance(item, str) else field(item, "instruction")
        if text is None:
            yield Rejected(text_of(item) or "null", "unreadable")
        else:
            yield Candidate(_folded(unmarked(cleaned(text))))


def _folded(text: str) -> str:
    """Fold white space, and remove bold marks and quotes that chat models put around an item."""
    folded = " ".join(text.split()).strip("*").strip()
    quoted = len(folded) > 2 and folded[0] == folded[-1] == '"' and '"' not in folded[1:-1]
    return folded[1:-1].strip() if quoted else folded


STAGE: GenerateStage = GenerateStage(_build_request, _parse)
