"""A streamed answer read into one reply: some servers stream although nobody asked for it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from app.llm.json_fields import JsonObject, fields

_BEGINNINGS = (b"data:", b"event:", b": ", b":\n", b":\r", b"id:", b"retry:")
_MARK = b"\xef\xbb\xbf"
"""The byte order mark of UTF-8."""
_JOINED = ("content", "reasoning_content", "reasoning", "thinking", "refusal", "text")


def is_stream(headers: Mapping[str, str], beginning: bytes) -> bool:
    """Return True when a reply with these headers and first bytes is a stream of events."""
    kind = headers.get("content-type", "")
    return kind.startswith("text/event-stream") or _unmarked(beginning).startswith(_BEGINNINGS)


def joined_stream(body: bytes) -> JsonObject:
    """Join the chunks of a stream into the reply that would have come without streaming.

    An error in the middle becomes the reply's ``error``. A stream that ends before a finish reason
    and before ``[DONE]`` was cut off: it gets the finish reason ``connection_cut``.
    """
    whole = _Whole()
    for event, data in _events(body):
        if data == "[DONE]":
            whole.is_done = True
            break
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError):
            chunk = {"error": data} if event == "error" else None
        if isinstance(chunk, dict):
            whole.add(chunk if event != "error" or "error" in chunk else {"error": chunk})
    return whole.reply()


def _unmarked(body: bytes) -> bytes:
    return body.removeprefix(_MARK).lstrip()


def _events(body: bytes) -> Iterator[tuple[str, str]]:
    """Yield the name and the data of each event; lines that begin with a colon are comments."""
    event, data = "", list[str]()
    text = (
        _unmarked(body).decode("utf-8", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    )
    for line in [*text.split("\n"), ""]:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield event, "\n".join(data)
            event, data = "", []
        elif name == "data":
            data.append(value)
        elif name == "event":
            event = value


class _Whole:
    """The reply that the chunks make."""

    def __init__(self) -> None:
        self.is_done = False
        self._top: dict[str, object] = {}
        self._parts: dict[str, list[object]] = {}
        self._logprobs: list[object] = []
        self._finish_reason: object = None
        self._is_chat = False
        self._has_choice = False

    def add(self, chunk: JsonObject) -> None:
        """Add a chunk; later values replace earlier ones, deltas are appended."""
        for name, value in chunk.items():
            if name != "choices" and value is not None:
                self._top[name] = value
        choices = chunk.get("choices")
        for one in choices if isinstance(choices, list) else ():
            choice = fields(one)
            if choice.get("index", 0) in (0, None):
                self._add_choice(choice)

    def _add_choice(self, choice: JsonObject) -> None:
        self._has_choice = True
        for name in ("error", "usage"):
            # Moonshot reports usage in the last choice.
            if choice.get(name):
                self._top[name] = choice[name]
        self._is_chat = self._is_chat or "delta" in choice or "message" in choice
        delta = fields(choice.get("delta")) or fields(choice.get("message")) or choice
        for name in _JOINED:
            if delta.get(name) is not None:
                self._parts.setdefault(name, []).append(delta[name])
        tokens = fields(choice.get("logprobs")).get("content")
        if isinstance(tokens, list):
            self._logprobs += tokens
        self._finish_reason = choice.get("finish_reason") or self._finish_reason

    def reply(self) -> JsonObject:
        """Return the whole reply, in the form of one that was not streamed."""
        if not self._has_choice:
            return self._top
        parts = {name: _whole_text(found) for name, found in self._parts.items()}
        choice: dict[str, Any] = {"finish_reason": self._finish_reason}  # Any: JSON values.
        if self._finish_reason is None and not self.is_done:
            choice["finish_reason"] = "connection_cut"
        if self._logprobs:
            choice["logprobs"] = {"content": self._logprobs}
        choice |= {"message": parts} if self._is_chat else parts
        return {**self._top, "choices": [choice]}


def _whole_text(found: list[object]) -> object:
    """Join deltas: texts to one text; where one is a list of parts, to a list of parts."""
    if all(isinstance(one, str) for one in found):
        return "".join(str(one) for one in found)
    return [part for one in found for part in (one if isinstance(one, list) else [one])]
