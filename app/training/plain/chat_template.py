"""Chat templates of models: a row rendered by one, and split into prompt and answers.

A row is never learnt in a form that differs from the one in which the tuned model is asked. Where a
template does not take a row as it is, the row is adapted, or refused with a reason.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any, TypeAlias

from jinja2 import TemplateError

from app.dataset_row import Exchange, Record
from app.errors import Fault, InvalidInput, RowRefused
from app.training.plain.library_types import Tokenizer

_SHOWN = 12
"""Characters shown before a difference."""
_FORMAT = re.compile(r"""(?P<quote>['"])(?P<format>[^'"]*%[^'"]*)(?P=quote)""")
_DATED = "{% macro strftime_now(format) %}{{ days[format] }}{% endmacro %}{{ '' }}"
"""Replaces the function of transformers, which passes no function on to a template."""
Message: TypeAlias = Mapping[str, Any]
"""`Any`: content is a text, or a list of parts."""
_Render: TypeAlias = Callable[..., str]
"""Renders messages, with variables of the template."""


@dataclass(frozen=True, slots=True)
class ChatTurn:
    """The text that a template makes of a question with its answer."""

    prompt: str
    """All that the model is given between the answer before and this one."""
    answer: str
    """The answer, and what the template writes after it."""


@dataclass(frozen=True, slots=True)
class RenderedChat:
    """A row as a chat template renders it."""

    turns: Sequence[ChatTurn]
    folded_system: bool = False
    """True when the system message was put before the first question."""
    last_answer_only: bool = False
    """True when earlier answers are part of the prompt: the template changes them when later turns
    come, so that they can't be learnt in the same text."""


def render_chat(record: Record, tokenizer: Tokenizer, day: date | None = None) -> RenderedChat:
    """Render a row with the chat template of a tokenizer.

    Args:
        record: The row.
        tokenizer: Its chat template is used.
        day: The date that templates with a date write; None: today.

    Raises:
        InvalidInput: the tokenizer has no chat template.
        RowRefused: its template does not take this row, leaves out a part of it, or would ask the
            model in another form than it is trained in.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise InvalidInput(
            "The base model has no chat template.",
            [Fault("use the template 'alpaca', or a model tuned for chat", field="data.template")],
        )
    render = partial(_rendered, tokenizer, _dated(tokenizer, day))
    try:
        return _rendered_chat(record, render)
    except (RowRefused, TemplateError) as error:
        if not record.system:
            raise _refused(error) from error
    # Some templates reject a system message, or leave it out.
    try:
        return replace(_rendered_chat(_folded(record), render), folded_system=True)
    except (RowRefused, TemplateError) as error:
        raise _refused(error) from error


def _rendered_chat(record: Record, render: _Render) -> RenderedChat:
    turns = [*record.history, Exchange(record.request, record.output)]
    system = [{"role": "system", "content": record.system}] if record.system else []
    if (every := _all_turns(system, turns, render)) is not None:
        return RenderedChat(every)
    messages, answered = _finished(render, _conversation(system, turns))
    asked = _asked(render, messages, answered)
    return RenderedChat([ChatTurn(asked, answered[len(asked) :])], last_answer_only=True)


def _all_turns(
    system: Sequence[Message], turns: Sequence[Exchange], render: _Render
) -> Sequence[ChatTurn] | None:
    """Split a conversation at every answer; return None when later turns change earlier ones."""
    found: list[ChatTurn] = []
    shown = ""
    for number in range(1, len(turns) + 1):
        messages, answered = _finished(render, _conversation(system, turns[:number]))
        asked = _asked(render, messages, answered)
        if not asked.startswith(shown):
            return None
        found.append(ChatTurn(asked[len(shown) :], answered[len(asked) :]))
        shown = answered
    return found


def _conversation(system: Sequence[Message], turns: Sequence[Exchange]) -> Sequence[Message]:
    said = [
        message
        for turn in turns
        for message in (
            {"role": "user", "content": turn.user},
            {"role": "assistant", "content": turn.assistant},
        )
    ]
    return [*system, *said]


def _finished(render: _Render, messages: Sequence[Message]) -> tuple[Sequence[Message], str]:
    """Render a conversation with its last answer, in the form of messages that the template reads.

    Some templates read content only as a list of parts.
    """
    try:
        answered = render(messages)
        _check_all_there(answered, messages)
    except (RowRefused, TemplateError) as error:
        in_parts = [{**each, "content": _as_parts(each["content"])} for each in messages]
        try:
            answered = render(in_parts)
            _check_all_there(answered, in_parts)
        except (RowRefused, TemplateError):
            raise error from None
        if str(in_parts[-1]["content"]) in answered:
            # It has written the list itself.
            raise
        return in_parts, answered
    return messages, answered


def _asked(render: _Render, messages: Sequence[Message], answered: str) -> str:
    """Return the prompt of the last answer: how a conversation begins once it is answered, too."""
    asked = _opened(render, messages[:-1], answered)
    at = _start_of(_text_of(messages[-1]), answered[len(asked) :])
    if at < 0:
        raise RowRefused("the chat template changes the text of the answer")
    # A template that ignores `add_generation_prompt` leaves the header of an answer to be given.
    # One that knows it leaves the rest, such as empty thoughts, to the model.
    if at and asked == render(messages[:-1]):
        return answered[: len(asked) + at]
    return asked


def _opened(render: _Render, messages: Sequence[Message], answered: str) -> str:
    """Render a conversation up to its last answer.

    Rows without thoughts may have to be asked for without thoughts.
    """
    asked = render(messages, add_generation_prompt=True)
    if answered.startswith(asked):
        return asked
    without = render(messages, add_generation_prompt=True, enable_thinking=False, thinking=False)
    if answered.startswith(without):
        return without
    differ = (
        at for at, (one, other) in enumerate(zip(asked, answered, strict=False)) if one != other
    )
    same = next(differ, min(len(asked), len(answered)))
    question = _text_of(messages[-1]).strip()
    if same < asked.rfind(question) + len(question):
        raise RowRefused("the chat template writes a question in another way once it is answered")
    raise RowRefused(
        f"the chat template asks for an answer with {asked[max(0, same - _SHOWN) :]!r}, which it "
        "leaves out of finished answers, so the model would be asked in another form than it is "
        "trained in"
    )


def _start_of(answer: str, text: str) -> int:
    """Return where the answer begins in a text; templates may strip it. -1: it is not there."""
    at = text.find(answer)
    return at if at >= 0 else text.find(answer.strip())


def _check_all_there(rendered: str, messages: Sequence[Message]) -> None:
    at = 0
    for message in messages:
        text = _text_of(message).strip()
        found = rendered.find(text, at)
        if found < 0:
            raise RowRefused(f"the chat template leaves out the text of the {message['role']}")
        at = found + len(text)


def _text_of(message: Message) -> str:
    content = message["content"]
    return content if isinstance(content, str) else str(content[0]["text"])


def _as_parts(text: str) -> Sequence[Mapping[str, str]]:
    return [{"type": "text", "text": text}]


def _folded(record: Record) -> Record:
    """Return a row whose system message stands before its first question."""
    system = f"{record.system}\n\n"
    if not record.history:
        return replace(record, system="", instruction=system + record.instruction)
    first, *others = record.history
    return replace(record, system="", history=(replace(first, user=system + first.user), *others))


def _dated(tokenizer: Tokenizer, day: date | None) -> Mapping[str, object]:
    """Return what makes a template write this day, for each format of a date that it contains."""
    if day is None:
        return {}
    template: str = tokenizer.get_chat_template()
    if "strftime_now" not in template:
        return {}
    days = {found["format"]: day.strftime(found["format"]) for found in _FORMAT.finditer(template)}
    return {"chat_template": _DATED + template, "days": days}


def _rendered(
    tokenizer: Tokenizer,
    dated: Mapping[str, object],
    messages: Sequence[Message],
    **variables: bool,
) -> str:
    text: str = tokenizer.apply_chat_template(list(messages), tokenize=False, **dated, **variables)
    return text


def _refused(error: RowRefused | TemplateError) -> RowRefused:
    if isinstance(error, RowRefused):
        return error
    return RowRefused(f"the chat template says: {error}")
