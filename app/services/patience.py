"""How long an endpoint may be away before a person is told; pure, the clock is an argument."""

from app.errors import Outage

_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 8.0


class Patience:
    """Counts outages in a row: asks one at a time, ever later, and gives up after `limit_s`."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._since: float | None = None
        self._next_try_at = 0.0
        self._delay_s = _FIRST_DELAY_S
        self._last: Outage | None = None

    @property
    def probing(self) -> bool:
        """Whether the endpoint is away, so that one call at a time finds out when it is back."""
        return self._since is not None

    def may_ask(self, now: float, *, in_air: int) -> bool:
        """Whether a call may go out now, with `in_air` out already."""
        return self._since is None or (in_air == 0 and now >= self._next_try_at)

    def outage(self, now: float, trouble: Outage) -> None:
        """Note that a call found the endpoint away."""
        if self._since is None:
            self._since = now
            self._delay_s = _FIRST_DELAY_S
        elif now >= self._next_try_at:
            self._delay_s = min(self._delay_s * 2, _LONGEST_DELAY_S)
        self._next_try_at = now + self._delay_s
        self._last = trouble

    def answered(self) -> None:
        """Note that a call was answered: the endpoint is there."""
        self._since = None

    def exhausted(self, now: float) -> str | None:
        """Say what is wrong once it has lasted too long; None before."""
        if self._since is None or now - self._since < self._limit_s:
            return None
        return f"The endpoint has been away for {now - self._since:.0f} s. {self._last}"
