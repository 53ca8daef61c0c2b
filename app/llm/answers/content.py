"""The text and the reasoning of a message, in every shape that endpoints give them.

Reasoning is never part of the text. It comes in fields beside the content (DeepSeek, vLLM, SGLang:
``reasoning_content``; OpenRouter, Groq, newer vLLM: ``reasoning``; LiteLLM: ``thinking_blocks``;
Ollama: ``thinking``) or as parts of a content that is a list (Mistral, Anthropic, Gemini).
"""

from itertools import product
from typing import NamedTuple

from app.llm.json_fields import JsonObject, fields

_FIELDS = (
    "reasoning_content",
    "reasoning",
    "thinking",
    "thinking_blocks",
    "reasoning_details",
    "reasoning_text",
    "thoughts",
)
_HOLDERS = ("provider_specific_fields", "model_extra", "additional_kwargs")
"""Objects of gateways beside the content that may have fields with reasoning, too."""
_REASONING = ("think", "thought", "reason")
"""Beginnings of the types of parts that hold reasoning; ``redacted_thinking`` holds no text."""
_TEXT = ("", "text", "output_text", "input_text", "message", "content", "summary_text")
"""Types of parts that hold text; of other types (images, tools) nothing is read."""
_INNER = (
    "text",
    "thinking",
    "reasoning",
    "reasoningContent",
    "reasoningText",
    "thought",
    "content",
    "summary",
    "parts",
    "value",
    "output_text",
)
"""Names under which a part keeps its text, or more parts."""
_DEEPEST = 8
"""Levels of parts in parts that are read."""


class Content(NamedTuple):
    """The content of a message."""

    text: str | None
    """None: the message has no text, not even an empty one."""
    reasoning: str | None
    """None: there is none."""


def read_content(content: object, message: JsonObject) -> Content:
    """Read a content and the reasoning in it and beside it.

    Args:
        content: A text, a part or a list of parts.
        message: The object that may have fields with reasoning.
    """
    texts, thoughts = _Parts(), _Parts()
    _read(content, texts, thoughts, depth=0, thinking=False)
    beside = ""
    holders = (message, *(fields(message.get(name)) for name in _HOLDERS))
    for holder, name in product(holders, _FIELDS):
        found = _Parts()
        _read(holder.get(name), found, found, depth=0, thinking=True)
        beside = found.joined()
        if beside.strip():
            break
    within = thoughts.joined()
    # Gateways give the same reasoning twice, as a field and as parts.
    kept = [part for part in (beside, within if within != beside else "") if part.strip()]
    return Content(texts.joined() if texts.found else None, "\n".join(kept) or None)


class _Parts:
    """The parts of a text, in order."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def joined(self) -> str:
        return "".join(self.found)


def _read(value: object, texts: _Parts, thoughts: _Parts, *, depth: int, thinking: bool) -> None:
    if isinstance(value, str):
        (thoughts if thinking else texts).found.append(value)
    elif depth >= _DEEPEST:
        return
    elif isinstance(value, list):
        for part in value:
            _read(part, texts, thoughts, depth=depth + 1, thinking=thinking)
    elif isinstance(value, dict):
        kind = value.get("type")
        kind = kind.lower() if isinstance(kind, str) else ""
        # Gemini marks a part of the reasoning with ``"thought": true``.
        inside = thinking or kind.startswith(_REASONING) or value.get("thought") is True
        if inside or kind in _TEXT:
            _read_first(value, texts, thoughts, depth=depth + 1, thinking=inside)


def _read_first(
    part: JsonObject, texts: _Parts, thoughts: _Parts, *, depth: int, thinking: bool
) -> None:
    """Read the first field of a part that holds a text or more parts."""
    for name in _INNER:
        inner = part.get(name)
        if isinstance(inner, str | list | dict):
            mine = thinking or name.startswith(_REASONING)
            _read(inner, texts, thoughts, depth=depth, thinking=mine)
            if inner:
                return
