"""Columns whose meaning a record can't hold: tools, media, reasoning, marks against learning.

A row that uses one of them is refused with a reason. Read without it, the row would teach something
else than its author wanted.
"""

import re
from collections.abc import Mapping, Set

from app.formats.broken_rows import BrokenRow
from app.formats.foreign.passed_over import has_something

TOOL_CALLS = frozenset(
    {"tool_calls", "tool_call", "tool_call_id", "function_call", "function_calls"}
)
TOOLS = frozenset(
    {"tools", "functions", "available_tools", "tool_definitions", "toolConfig", "tool_config"}
)
MEDIA = frozenset({"image", "images", "audio", "audios", "video", "videos", "image_url"})
REASONING = frozenset(
    {
        *("reasoning_content", "reasoning", "reasoning_details", "reasoning_text"),
        *("reasoning_trace", "thinking", "thinking_content", "think", "thought", "thoughts"),
        *("cot", "chain_of_thought"),
    }
)
# A False, or a number 0, says: do not learn.
_LEARNT_IF_TRUE = frozenset(
    {"loss", "train", "training", "trainable", "learn", "loss_mask", "loss_weight"}
)
_LEFT_IF_TRUE = frozenset({"mask", "masked", "ignore", "do_not_train"})
_KTO = frozenset({"kto_tag", "label", "desirable"})
_WEIGHT = "weight"
_WEIGHTS = frozenset({_WEIGHT, "loss_weight", "loss_mask"})
_MASK = "mask"
_NO_TRAINING = "do_not_train"
MARKS = _LEARNT_IF_TRUE | _KTO | {_WEIGHT, _MASK, _NO_TRAINING}
"""Columns of a row that may say whether it is learnt."""
TURN_MARKS = _LEARNT_IF_TRUE | _LEFT_IF_TRUE | {_WEIGHT, "train_detail"}
"""Fields of a turn that may say whether it is learnt."""
ROW_COLUMNS = TOOLS | TOOL_CALLS | MEDIA | MARKS | REASONING
"""Columns of a row that can make it unreadable."""
# A call written into the text, as Hermes, Glaive, Mistral and Llama do; and what came back.
_CALL_AT_START = re.compile(
    r"\s*(?:</?tool_call>|<tool_response>|<functioncall>|<function_calls?>|<function=\w"
    r"|\u273f(?:FUNCTION|RESULT)\u273f|\[TOOL_(?:CALLS|RESULTS)\]|<\|(?:python_tag|tool_call\w*)\|>)"
)
_CALL_AT_END = re.compile(r"<tool_call>[^\0]*</tool_call>\s*\Z")
_NO_TOOLS = frozenset({"[]", "{}", "null", "none"})
_ANSWERING = frozenset({"assistant", "gpt", "model", "bot"})


def refuse_row(row: Mapping[str, object], excluding: Set[str]) -> None:
    """Check the columns of a row.

    Args:
        row: its columns.
        excluding: columns with another meaning: those mapped to a field, and those to be ignored.

    Raises:
        BrokenRow: tools, tool_calls, media, reasoning, not_to_learn.
    """
    for name in ROW_COLUMNS & row.keys() - excluding:
        _refuse_content(name, row[name], name)
        if name in REASONING and isinstance(row[name], str | list | dict):
            _refuse_reasoning(row[name], name)
        if name in MARKS and (why := _row_mark(name, row[name])):
            raise BrokenRow("not_to_learn", why)


def refuse_turn(turn: Mapping[str, object], where: str, *, answers: bool) -> None:
    """Check the fields of a turn; marks count where the assistant speaks, for only that is learnt.

    Raises:
        BrokenRow: tools, tool_calls, media, reasoning, not_to_learn.
    """
    for name, value in turn.items():
        _refuse_content(name, value, f"{where}.{name}")
        if name in REASONING:
            _refuse_reasoning(value, f"{where}.{name}")
        if answers and name in TURN_MARKS and (why := _turn_mark(name, value)):
            raise BrokenRow("not_to_learn", f"{where}.{why}")


def refuse_call_in_text(text: str, where: str, ignored: Set[str]) -> None:
    """Check that a text is not the call of a tool, or what a tool returned.

    Args:
        text: of a turn.
        where: its place, for the message.
        ignored: with ``tool_calls`` in it, calls are texts like others.

    Raises:
        BrokenRow: tool_calls.
    """
    if "<" not in text and "[T" not in text and "\u273f" not in text:
        return
    found = _CALL_AT_START.match(text)
    if found is None and text.rstrip().endswith("</tool_call>"):
        found = _CALL_AT_END.search(text)
    if found is not None and "tool_calls" not in ignored:
        what = f"{where} is the call of a tool, or its result, written as text"
        raise BrokenRow("tool_calls", f"{what}; --ignore tool_calls (ignore) reads it as it is")


def _refuse_reasoning(value: object, where: str) -> None:
    if has_something(value):
        raise BrokenRow("reasoning", f"{where} is beside the answer, where a record has no place")


def _refuse_content(name: str, value: object, where: str) -> None:
    if not has_something(value):
        return
    if name in TOOL_CALLS:
        raise BrokenRow("tool_calls", f"{where} is a tool call, which a record can't hold")
    if name in TOOLS and not (isinstance(value, str) and value.strip().lower() in _NO_TOOLS):
        raise BrokenRow("tools", f"{where} lists tools, which a record can't hold")
    if name in MEDIA:
        raise BrokenRow("media", f"{where} is beside the text; a record holds text only")


def _row_mark(name: str, value: object) -> str | None:
    """Return why a row is not to be learnt; None when this column does not say so."""
    if name == _MASK and isinstance(value, str):
        # NeMo names the side that is masked: mostly the user, which is never learnt.
        masked = value.strip().lower() in _ANSWERING
        return f"mask is {value[:20]!r}" if masked else None
    if name in (_MASK, _NO_TRAINING):
        return f"{name} is true" if value is True else None
    if name in _WEIGHTS and _is_zero(value):
        return f"{name} is 0"
    # A number is a measured loss or the class of a classifier, not a mark.
    return f"{name} is false" if is_false(value) else None


def _turn_mark(name: str, value: object) -> str | None:
    if name == "train_detail":
        return "train_detail marks parts of the answer" if has_something(value) else None
    if name in _LEFT_IF_TRUE:
        return f"{name} is true" if value is True or _is_one(value) else None
    if is_false(value) or _is_zero(value):
        return f"{name} is {'false' if is_false(value) else 0}"
    if name in (_WEIGHT, "loss_weight") and has_something(value) and not _is_one(value):
        return f"{name} is {str(value)[:20]}, neither 0 nor 1"
    return None


def is_false(value: object) -> bool:
    """Return True for a false, or the word in a file of texts."""
    return value is False or (isinstance(value, str) and value.strip().lower() == "false")


def _is_zero(value: object) -> bool:
    return _number(value) == 0


def _is_one(value: object) -> bool:
    return value is True or _number(value) == 1


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
