"""The content of a turn: a text, or a list of parts that are all text."""

from collections.abc import Iterator

from app.formats.broken_rows import BrokenRow, text_of
from app.formats.foreign.passed_over import has_something

_TEXT = frozenset({"text", "input_text", "output_text"})
_TOOL = frozenset(
    {"tool_use", "tool_result", "tool_call", "tool_response", "function", "function_call"}
)
_REASONING = frozenset({"thinking", "reasoning", "redacted_thinking"})
_MEDIA = (
    *("image", "audio", "video", "file", "document", "input_image", "input_audio"),
    *("inline_data", "inlinedata"),
)
# Gemini and Bedrock have no types: a part says by its key which kind it is.
_TOOL_KEYS = frozenset(
    {
        *("functioncall", "functionresponse", "function_call", "function_response", "tooluse"),
        *("toolresult", "executablecode", "codeexecutionresult", "tool_calls", "tool_call"),
    }
)
_REASONING_KEYS = ("thought", "reasoning", "thinking")
_TEXT_KEYS = frozenset({"type", "text", "cache_control"})


def content_text(content: object, where: str, *, as_text: bool = False) -> str:
    """Return the text of a content; parts are joined with nothing between them.

    Raises:
        BrokenRow: not_text, nul, not_utf8, lone_surrogate; for a part that is no text media,
            tool_calls or reasoning.
    """
    if isinstance(content, list) and content:
        return "".join(_parts(content, where))
    return text_of(content, where, as_text=as_text)


def _parts(content: list[object], where: str) -> Iterator[str]:
    for number, part in enumerate(content):
        place = f"{where}[{number}]"
        if isinstance(part, dict):
            _refuse_other_kinds(part.get("type"), place)
            # Parquet gives each part the fields of all, most of them null.
            for name in part.keys() - _TEXT_KEYS:
                if has_something(part[name]) and part[name] is not False:
                    raise _beside_text(name, place)
            yield text_of(part.get("text"), f"{place}.text")
        else:
            yield text_of(part, place)


def _beside_text(name: str, place: str) -> BrokenRow:
    what, plain = f"{place} has {name[:50]!r}", name.lower()
    if plain in _TOOL_KEYS:
        return BrokenRow("tool_calls", f"{what}: a tool call, which a record can't hold")
    if plain.startswith(_REASONING_KEYS):
        return BrokenRow("reasoning", f"{what}, where a record has no place")
    if plain.startswith(_MEDIA):
        return BrokenRow("media", f"{what}; a record holds text only")
    return BrokenRow("not_text", f"{what} beside its text")


def system_text(value: object, where: str) -> str:
    """Return the text of a system message beside the turns: a text, parts, or a turn of its own.

    Raises:
        BrokenRow: as `content_text`.
    """
    if isinstance(value, dict):
        key = next((key for key in ("parts", "content", "text") if key in value), None)
        if key is not None:
            return content_text(value[key], f"{where}.{key}")
    return content_text(value, where)


def _refuse_other_kinds(kind: object, place: str) -> None:
    if kind is None or kind in _TEXT:
        return
    shown = repr(kind[:50]) if isinstance(kind, str) else "no text"
    what = f"{place}.type is {shown}"
    if kind in _TOOL:
        raise BrokenRow("tool_calls", f"{what}: a tool call, which a record can't hold")
    if kind in _REASONING:
        raise BrokenRow("reasoning", f"{what}, where a record has no place")
    if isinstance(kind, str) and kind.startswith(_MEDIA):
        raise BrokenRow("media", f"{what}; a record holds text only")
    raise BrokenRow("not_text", f"{what}, not text")
