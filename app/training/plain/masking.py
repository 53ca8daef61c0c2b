"""Prompt templates, and the mask of the parts that count in the loss: answers and their ends."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from app.dataset_row import Record
from app.training.plain.chat_template import render_chat
from app.training.plain.library_types import Tokenizer

TemplateName = Literal["alpaca", "chat"]

_TASK = "Here is a task. Answer it with a response that does what it asks.\n\n"
_ANY_ANSWER = "(answer)"
"""Stands for an answer that is not known, to find where it begins."""
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


@dataclass(frozen=True, slots=True)
class SplitRow:
    """The text of a row in parts, in order."""

    parts: Sequence[Part]
    folded_system: bool = False
    """True when the system message stands before the first question, as the template takes none."""
    last_answer_only: bool = False
    """True when earlier answers don't count in the loss, as the template changes them later."""


def split_row(
    record: Record, template: TemplateName, tokenizer: Tokenizer, day: date | None = None
) -> SplitRow:
    """Split a row into prompt and answer parts.

    Args:
        record: The row.
        template: Its form.
        tokenizer: The tokenizer of the model, with its chat template.
        day: The date that chat templates with a date write; None: today.

    Raises:
        InvalidInput: the model has no chat template.
        RowRefused: its template does not take this row.
    """
    if template == "alpaca":
        return SplitRow(tuple(_alpaca(record)))
    chat = render_chat(record, tokenizer, day)
    parts = [
        part
        for number, turn in enumerate(chat.turns, start=1)
        for part in (
            Part(turn.prompt, in_loss=False, has_markers=True),
            *_answer(turn.answer, tokenizer.eos_token, last=number == len(chat.turns)),
        )
    ]
    return SplitRow(parts, chat.folded_system, chat.last_answer_only)


def prompt_parts(record: Record, template: TemplateName, tokenizer: Tokenizer) -> Sequence[Part]:
    """Return the parts before the last answer, which need not be known: the prompt of the row.

    Raises:
        InvalidInput: the model has no chat template.
        RowRefused: its template does not take this row.
    """
    known = record if record.output.strip() else replace(record, output=_ANY_ANSWER)
    parts = split_row(known, template, tokenizer).parts
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
