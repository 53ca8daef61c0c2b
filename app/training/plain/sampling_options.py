"""Sampling options of an answer, and the chunks of its text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

_CUT_CHARACTER = "\N{REPLACEMENT CHARACTER}"
"""Written by a decoder for a character whose last bytes are still missing."""


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """Rules for choosing tokens, with the names and meanings of the OpenAI API."""

    temperature: float = 1.0
    """0 always takes the most likely token."""
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    """The answer ends before the first of these texts."""
    seed: int | None = None
    """The same seed, prompt and machine give the same answer; None draws a new one each time."""
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0


@dataclass(frozen=True, slots=True)
class AnswerChunk:
    """A piece of an answer; the last one has a finish reason."""

    text: str
    finish_reason: Literal["stop", "length"] | None = None
    """None while more chunks follow."""
    tokens: int = 0
    """Tokens of the whole answer; set in the last chunk."""
    logprobs: Sequence[Mapping[str, Any]] = ()
    """One entry per token, in the form of the API; `Any` because it is JSON."""


class StopTextFilter:
    """Releases the text of a growing answer as soon as no stop text can begin in it."""

    def __init__(self, stop: Sequence[str]) -> None:
        self._stop = [text for text in stop if text]
        self._shown = 0
        self.stopped = False
        """True once a stop text was found."""

    def feed(self, text: str) -> str:
        """Return the newly released text, given all the text so far."""
        found = [index for stop in self._stop if (index := text.find(stop)) >= 0]
        self.stopped = bool(found)
        return self._release(text, min(found) if found else len(text) - self._unsafe_end(text))

    def finish(self, text: str) -> str:
        """Return the text held back, once the answer has ended."""
        return "" if self.stopped else self._release(text, len(text))

    def _release(self, text: str, end: int) -> str:
        new = text[self._shown : end]
        self._shown = max(self._shown, end)
        return new

    def _unsafe_end(self, text: str) -> int:
        """Count the characters at the end that may still change or begin a stop text."""
        unsafe = len(text) - len(text.rstrip(_CUT_CHARACTER))
        for stop in self._stop:
            for length in range(min(len(stop) - 1, len(text)), unsafe, -1):
                if text.endswith(stop[:length]):
                    unsafe = length
                    break
        return unsafe
