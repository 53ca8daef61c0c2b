"""How an answer is wished, and the pieces in which it comes. Imports no torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

_CUT_CHARACTER = "\N{REPLACEMENT CHARACTER}"
"""What a decoder writes for a character of which some bytes are still to come."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How tokens are chosen, with the names and the meaning that OpenAI's API gives them."""

    temperature: float = 1.0
    """0: always the likeliest token."""
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    """The answer ends before the first of these texts."""
    seed: int | None = None
    """The same seed, prompt and machine draw the same answer; None: another one each time."""
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of an answer; the last one says how it ended."""

    text: str
    finish_reason: Literal["stop", "length"] | None = None
    """None: more is to come."""
    tokens: int = 0
    """Of the whole answer, told by the last piece."""
    logprobs: Sequence[Mapping[str, Any]] = ()
    """One a token, as the API has them; `Any` because that is what JSON is."""


class Unfolding:
    """The text of an answer while it grows: shown as far as it is sure to be part of it."""

    def __init__(self, stop: Sequence[str]) -> None:
        self._stop = [text for text in stop if text]
        self._shown = 0
        self.stopped = False
        """Whether a text was met that the answer ends before."""

    def grown(self, text: str) -> str:
        """What is newly sure, of all the text so far."""
        met = [place for stop in self._stop if (place := text.find(stop)) >= 0]
        self.stopped = bool(met)
        return self._newly(text, min(met) if met else len(text) - self._unsure(text))

    def ended(self, text: str) -> str:
        """What was held back, once nothing more comes."""
        return "" if self.stopped else self._newly(text, len(text))

    def _newly(self, text: str, end: int) -> str:
        new = text[self._shown : end]
        self._shown = max(self._shown, end)
        return new

    def _unsure(self, text: str) -> int:
        """How many characters at the end may yet become another character, or a text to stop at."""
        begun = len(text) - len(text.rstrip(_CUT_CHARACTER))
        for stop in self._stop:
            for length in range(min(len(stop) - 1, len(text)), begun, -1):
                if text.endswith(stop[:length]):
                    begun = length
                    break
        return begun
