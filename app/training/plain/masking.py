"""Prompt templates, and the mask of the parts that count in the loss: answers and their ends."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from jinja2 import TemplateError

from app.dataset_row import Exchange, Record
from app.errors import Fault, InvalidInput
from app.training.plain.library_types import Tokenizer

TemplateName = Literal["alpaca", "chat"]

_TASK = "Here is a task. Answer it with a response that does what it asks.\n\n"
_TASK_WITH_INPUT = (
    "Here is a task, and an input that it is about. Answer it with a response that does what "
    "it asks.\n\n"
)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the text of a row."""

    text: str
    in_loss: bool
    """True when the model learns to write this part."""
    has_markers: bool = False
    """True when special tokens in the text keep their meaning, as in the markup of a chat template.
    In the text of a user they are plain text."""
    ends_turn: bool = False
    """True when the end-of-text token follows, which counts in the loss too."""


def row_parts(record: Record, template: TemplateName, tokenizer: Tokenizer) -> Sequence[Part]:
    """Split a row into prompt and answer parts, in order.

    Raises:
        InvalidInput: the model has no chat template, the template rejects the row, or the rendered
            text cannot be split into prompt and answer.
    """
    if template == "alpaca":
        return tuple(_alpaca(record))
    return tuple(_chat(record, tokenizer))


def prompt_parts(record: Record, template: TemplateName, tokenizer: Tokenizer) -> Sequence[Part]:
    """Return the parts before the last answer: the prompt of the row."""
    parts = row_parts(record, template, tokenizer)
    last = max(index for index, part in enumerate(parts) if part.in_loss)
    return parts[:last]


def _alpaca(record: Record) -> Iterator[Part]:
    yield Part(_TASK_WITH_INPUT if record.input else _TASK, in_loss=False)
    if record.system:
        yield Part(f"### System:\n{record.system}\n\n", in_loss=False)
    for exchange in record.history:
        yield Part(f"### Instruction:\n{exchange.user}\n\n### Response:\n", in_loss=False)
        yield Part(exchange.assistant, in_loss=True, ends_turn=True)
        yield Part("\n\n", in_loss=False)
    about = f"### Input:\n{record.input}\n\n" if record.input else ""
    asked = f"### Instruction:\n{record.instruction}\n\n{about}### Response:\n"
    yield Part(asked, in_loss=False)
    yield Part(record.output, in_loss=True, ends_turn=True)


def _chat(record: Record, tokenizer: Tokenizer) -> Iterator[Part]:
    if not getattr(tokenizer, "chat_template", None):
        raise InvalidInput(
            "The base model has no chat template.",
            [Fault("use the template 'alpaca', or a model tuned for chat", field="data.template")],
        )
    messages = [{"role": "system", "content": record.system}] if record.system else []
    shown = ""
    turns = [*record.history, Exchange(record.request, record.output)]
    for number, turn in enumerate(turns, start=1):
        messages.append({"role": "user", "content": turn.user})
        asked = _rendered(tokenizer, messages, to_answer=True)
        messages.append({"role": "assistant", "content": turn.assistant})
        answered = _rendered(tokenizer, messages, to_answer=False)
        if not (asked.startswith(shown) and answered.startswith(asked)):
            raise InvalidInput(
                "The base model's chat template cannot be used for tuning: it changes earlier "
                "turns when later ones come. Use the template 'alpaca'."
            )
        yield Part(asked[len(shown) :], in_loss=False, has_markers=True)
        yield from _answer(answered[len(asked) :], tokenizer.eos_token, last=number == len(turns))
        shown = answered


def _answer(text: str, end: str, *, last: bool) -> Iterator[Part]:
    """Split a rendered answer: its text counts in the loss, white space after it does not."""
    if end in text:
        cut = text.rindex(end)
        yield Part(text[:cut], in_loss=True, has_markers=True, ends_turn=True)
        rest = text[cut + len(end) :]
    else:
        # The template ends turns with its own marker; only the last turn also needs the end-of-text
        # token of the model.
        cut = len(text.rstrip())
        yield Part(text[:cut], in_loss=True, has_markers=True, ends_turn=last)
        rest = "" if last else text[cut:]
    if rest:
        yield Part(rest, in_loss=False, has_markers=True)


def _rendered(
    tokenizer: Tokenizer, messages: Sequence[Mapping[str, str]], *, to_answer: bool
) -> str:
    try:
        text: str = tokenizer.apply_chat_template(
            list(messages), tokenize=False, add_generation_prompt=to_answer
        )
    except TemplateError as error:
        # Some templates reject system messages or another order of turns.
        raise InvalidInput(
            "The base model's chat template does not take a row.",
            [Fault(f"it says: {error}; the template 'alpaca' takes all", field="data.template")],
        ) from error
    return text
