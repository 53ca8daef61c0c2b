"""The background of refusals: those that do not depend on the load, as at a shared gateway."""

import math

CHECKED = 100
"""Calls of a check, and the fewest over which a share is judged."""
MEMORY = 0.85
"""Weight of the earlier checks in the background, for each new one."""
HIGHEST_BACKGROUND = 0.1
"""A larger share counts as a limit. Two workers at a limit without any burst may find that their
own load does not matter, because each is refused for the calls of the other."""


class Background:
    """The share of calls that is refused whatever the limit is, as far as the checks have shown."""

    def __init__(self) -> None:
        self._refused = 0.0
        self._ended = float(CHECKED)

    @property
    def share(self) -> float:
        """The share, from 0 to `HIGHEST_BACKGROUND`."""
        return min(HIGHEST_BACKGROUND, self._refused / self._ended)

    def explains(self, refused: int, ended: int, at_least: float = 0.0) -> bool:
        """Return True when this number of refusals is within three standard deviations."""
        expected = max(self.share, at_least) * max(ended, CHECKED)
        return refused <= expected + 3 * math.sqrt(expected)

    def learn(self, refused: int, ended: int) -> None:
        """Take in a check."""
        self._refused = MEMORY * self._refused + refused
        self._ended = MEMORY * self._ended + ended

    def replace(self, refused: int, ended: int) -> None:
        """Forget earlier checks for the two that showed that refusals do not depend on the load."""
        self._refused, self._ended = float(refused), float(ended)
