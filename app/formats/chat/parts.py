"""The content of a turn: a text, or a list of parts that are all text."""

from collections.abc import Iterator

from app.formats.broken_rows import BrokenRow, text_of
from app.formats.foreign.passed_over import has_something

_TEXT = frozenset({"text", "input_text", "output_text"})
_TOOL = frozenset(
    {"tool_use", "tool_result", "tool_call", "tool_response", "function", "function_call"}
)
_REASONING = frozenset({"thinking", "reasoning", "redacted_thinking"})
_MEDIA = ("image", "audio", "video", "file", "document", "input_image", "input_audio")


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
            others = [n for n in part if n not in ("type", "text") and has_something(part[n])]
            if others:
                raise BrokenRow("not_text", f"{place} has {others[0][:50]!r} beside its text")
            yield text_of(part.get("text"), f"{place}.text")
        else:
            yield text_of(part, place)


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
