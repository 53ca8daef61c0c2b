"""The concurrency limit and the wait after a throttle, without I/O or a clock.

Additive increase, multiplicative decrease: a throttle halves the limit, a limit's worth of answers
raises it by one, more slowly near the limit that was too high. Until an endpoint is known to accept
the maximum, calls are spaced evenly: many answers at once would cause a burst of new calls, which
breaks a per-second limit that the average rate keeps. Times are seconds of one monotonic clock,
given as arguments.
"""

from collections.abc import Callable

SHORTEST_HOLD_S = 0.05
"""Shortest wait after a throttle: ``Retry-After: 0`` would otherwise become a busy loop."""
DOUBLED_IN_S = 0.5
"""Shortest time in which the limit doubles before the first throttle, so that a per-second limit is
not exceeded by much."""
NEAR = 0.8
FAR = 2.0
"""Fractions of the limit that was too high the last time; between them the limit rises slowly."""
CAREFUL = 1 / 8
CAREFUL_WITHIN = 250
"""Factors of that slower rise: `CAREFUL`, or the refused limit / `CAREFUL_WITHIN` if it is less.
With a low limit, many calls would otherwise be refused in relation to those that are answered."""
CAREFUL_S = 10.0
"""Longest time to raise the limit by one: with long calls, a throttle hits few that are sent."""
HEADROOM = 0.8
"""Fraction of an even stream's time between two calls that is kept between them."""
LEAST = 1 / 64
"""Lowest limit; below 1 there is one call in flight, with pauses between calls."""
SLACK_S = 0.005
"""Assumed precision of timers."""
FIRST_HOLD_S = 0.5
LONGEST_HOLD_S = 60.0
"""Longest exponential delay; a longer Retry-After is obeyed."""


class ConcurrencyControl:
    """The concurrency limit of one process for one endpoint.

    Until the first throttle each answer raises the limit by one, so that few calls exceed the
    endpoint's own limit.

    Args:
        ceiling: The highest limit.
        jitter: Returns numbers in [0, 1), so that processes do not retry at the same time.
        first: The limit at the start; None: `ceiling`.
    """

    def __init__(
        self, ceiling: int, jitter: Callable[[], float], *, first: int | None = None
    ) -> None:
        self._ceiling = ceiling
        self._jitter = jitter
        self._window = float(ceiling if first is None else first)
        self._too_high: float | None = None
        self._held_until_s = 0.0
        self._cut_at_s = float("-inf")
        self._cuts_in_a_row = 0
        self._usual_s: float | None = None
        self._next_at_s = 0.0
        self._refused_since_s: float | None = None

    @property
    def limit(self) -> int:
        """Most calls in flight; at least 1."""
        return max(1, int(self._window))

    def hold_s(self, now_s: float) -> float:
        """Return the seconds for which no call may be sent; 0: none."""
        return max(0.0, self._held_until_s - now_s)

    def refused_s(self, now_s: float) -> float | None:
        """Return the seconds since which all calls are refused; None: some are answered."""
        return None if self._refused_since_s is None else now_s - self._refused_since_s

    def wait_s(self, now_s: float) -> float:
        """Return the seconds until the next call may be sent, if the limit allows one."""
        return max(self.hold_s(now_s), self._next_at_s - now_s)

    def asked(self, now_s: float) -> None:
        """Count a call that is sent."""
        is_free = self._too_high is None and self._window >= self._ceiling
        if not is_free and self._usual_s is not None:
            part = HEADROOM if self._window >= 1 else 1.0
            apart_s = part * self._usual_s / self._window
            self._next_at_s = max(self._next_at_s, now_s - max(SLACK_S, apart_s)) + apart_s

    def answered(self, asked_at_s: float, now_s: float) -> None:
        """Count an answer to a call sent at `asked_at_s`; it raises the limit."""
        self._refused_since_s = None
        if asked_at_s < self._cut_at_s:
            # It was sent under the old limit and says nothing about the new one.
            return
        self._cuts_in_a_row = 0
        latency_s = now_s - asked_at_s
        before_s = latency_s if self._usual_s is None else self._usual_s
        self._usual_s = before_s + (latency_s - before_s) / 10
        self._window += self._step(latency_s)
        if self._window >= self._ceiling:
            self._window, self._too_high = float(self._ceiling), None

    def _step(self, latency_s: float) -> float:
        if self._too_high is None:
            # Doubles after each round of calls, but not faster than `DOUBLED_IN_S`.
            return min(1.0, latency_s / DOUBLED_IN_S)
        step = min(1 / self._window, self._window / 4)
        if not NEAR * self._too_high < self._window < FAR * self._too_high:
            return step
        slowly = min(CAREFUL, self._too_high / CAREFUL_WITHIN)
        return step * max(slowly, min(1.0, latency_s / CAREFUL_S))

    def throttled(self, asked_at_s: float, now_s: float, retry_after_s: float | None) -> None:
        """Count a throttle: all calls wait, and the limit halves once per wave of calls."""
        if self._refused_since_s is None:
            self._refused_since_s = now_s
        if asked_at_s >= self._cut_at_s:
            # Calls that were in flight together are refused together: that counts once.
            if self._cuts_in_a_row == 0 or self._window < 1:
                # Only the first of several in a row shows the limit: it used up the allowance.
                self._too_high = self._window
            self._window = max(LEAST, self._window / 2)
            self._cut_at_s = now_s
            self._cuts_in_a_row += 1
        hold_s = self._requested_s(retry_after_s) if retry_after_s is not None else self._grown_s()
        self.hold(now_s + hold_s)

    def hold(self, until_s: float) -> None:
        """Send no call before `until_s`."""
        self._held_until_s = max(self._held_until_s, until_s)

    def _requested_s(self, retry_after_s: float) -> float:
        # Never earlier than the provider asked for; later by at most a tenth, or a second.
        late_s = min(1.0, retry_after_s / 10) * self._jitter()
        return max(SHORTEST_HOLD_S, retry_after_s + late_s)

    def _grown_s(self) -> float:
        # 2 ** 7 * 0.5 s exceeds the longest wait; a larger exponent could only overflow.
        grown_s = FIRST_HOLD_S * float(1 << min(self._cuts_in_a_row - 1, 7))
        return min(LONGEST_HOLD_S, grown_s) * (0.5 + self._jitter() / 2)
