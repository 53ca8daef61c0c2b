"""Refusals in a row at one of several endpoints, while another answers calls of the same kind.

Such an endpoint is of no use, as one whose model has crashed. It fails fast, so it would get most
of the calls and use up their attempts.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.services.model_calls.streaks import LIMIT

_SUSPECT = 2
"""Refusals in a row after which the next ones are no fault of their texts."""


@dataclass(slots=True)
class _Row:
    """Refusals in a row."""

    words: str
    calls: int = 0
    other_answers: bool = False
    """True once another endpoint answered a call of the same kind since the first of them."""


class EndpointStreaks:
    """The refusals of one worker's calls, by endpoint and kind of call; for one thread."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], _Row] = {}

    def refused(self, endpoint: str, kind: str, words: str) -> bool:
        """Count a refused call.

        Args:
            endpoint: its name.
            kind: of the call, such as the version of its prompt.
            words: the endpoint's own.

        Returns:
            True when the endpoint is to blame rather than the text.
        """
        row = self._rows.setdefault((endpoint, kind), _Row(words))
        is_suspect = row.calls >= _SUSPECT and row.other_answers
        row.calls, row.words = row.calls + 1, words
        return is_suspect

    def answered(self, endpoint: str, kind: str) -> None:
        """Count an answered call."""
        self._rows.pop((endpoint, kind), None)
        for (name, of_kind), row in self._rows.items():
            row.other_answers |= of_kind == kind and name != endpoint

    @property
    def useless(self) -> Mapping[str, str]:
        """The endpoints that should get no more calls, by name with the reason."""
        return {
            name: f"It refused {row.calls} calls in a row, and another answers such. {row.words}"
            for (name, _), row in self._rows.items()
            if row.calls >= LIMIT and row.other_answers
        }
