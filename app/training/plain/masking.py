"""Which parts of a row a model is to learn: its answers and their ends, and nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from jinja2 import TemplateError

from app.errors import Fault, InvalidInput
from app.record import Exchange, Record
from app.training.plain.library_types import Tokenizer

TemplateName = Literal["alpaca", "chat"]

_TASK = "Here is a task. Answer it with a response that does what it asks.\n\n"
_TASK_WITH_INPUT = (
    "Here is a task, and an input that it is about. Answer it with a response that does what "
    "it asks.\n\n"
)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a row's text."""

    text: str
    under_loss: bool
    """Whether the model is to learn to write it."""
    has_markers: bool = False
    """Whether the text may name special tokens, such as a chat template's; in a user's text their
    names are plain text."""
    ends_turn: bool = False
    """Whether the token that ends a text follows, which the model is to learn, too."""


def parts_of(record: Record, template: TemplateName, tokenizer: Tokenizer) -> Sequence[Part]:
    """The parts of a row, in order.

    Raises:
        InvalidInput: when there is no chat template, it does not take the row, or it cannot be
            split into prompt and answer.
    """
    if template == "alpaca":
        return tuple(_alpaca(record))
    return tuple(_chat(record, tokenizer))


def prompt_of(record: Record, template: TemplateName, tokenizer: Tokenizer) -> Sequence[Part]:
    """What a model is shown to answer the row itself: all parts before the last answer."""
    parts = parts_of(record, template, tokenizer)
    last = max(place for place, part in enumerate(parts) if part.under_loss)
    return parts[:last]


def _alpaca(record: Record) -> Iterator[Part]:
    yield Part(_TASK_WITH_INPUT if record.input else _TASK, under_loss=False)
    if record.system:
        yield Part(f"### System:\n{record.system}\n\n", under_loss=False)
    for exchange in record.history:
        yield Part(f"### Instruction:\n{exchange.user}\n\n### Response:\n", under_loss=False)
        yield Part(exchange.assistant, under_loss=True, ends_turn=True)
        yield Part("\n\n", under_loss=False)
    about = f"### Input:\n{record.input}\n\n" if record.input else ""
    asked = f"### Instruction:\n{record.instruction}\n\n{about}### Response:\n"
    yield Part(asked, under_loss=False)
    yield Part(record.output, under_loss=True, ends_turn=True)


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
        yield Part(asked[len(shown) :], under_loss=False, has_markers=True)
        yield from _answer(answered[len(asked) :], tokenizer.eos_token, last=number == len(turns))
        shown = answered


def _answer(text: str, end: str, *, last: bool) -> Iterator[Part]:
    """An answer as the template wrote it: learnt to its end, and not the blanks behind."""
    if end in text:
        cut = text.rindex(end)
        yield Part(text[:cut], under_loss=True, has_markers=True, ends_turn=True)
        rest = text[cut + len(end) :]
    else:
        # The template ends turns with a mark of its own; only the last needs the model's, too.
        cut = len(text.rstrip())
        yield Part(text[:cut], under_loss=True, has_markers=True, ends_turn=last)
        rest = "" if last else text[cut:]
    if rest:
        yield Part(rest, under_loss=False, has_markers=True)


def _rendered(
    tokenizer: Tokenizer, messages: Sequence[Mapping[str, str]], *, to_answer: bool
) -> str:
    try:
        text: str = tokenizer.apply_chat_template(
            list(messages), tokenize=False, add_generation_prompt=to_answer
        )
    except TemplateError as error:
        # Some take no system message, or want the turns in another order.
        raise InvalidInput(
            "The base model's chat template does not take a row.",
            [Fault(f"it says: {error}; the template 'alpaca' takes all", field="data.template")],
        ) from error
    return text
