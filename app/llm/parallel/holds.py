"""The waits after refused calls: of one call alone, or of all when most are refused.

A refused call waits alone, as long as it was asked to, and its place is free for others. Only when
nearly all calls sent in a row are refused, all wait: the endpoint takes none. After such a hold,
calls start one by one, twice as many in each quarter of a second, until one is answered. A refusal
before that holds all again. Times are seconds of one monotonic clock, given as arguments.
"""

import math
from collections.abc import Callable

from app.llm.parallel.sent_call import SentCall

ROW = 3
"""Calls refused in a row, in the order of sending, that mean that most are refused."""
UNLIKELY = 3e-3
STRAY = 0.02
"""A longer row is needed where refusals at random, at least of this share, would make up one often
enough to lose about this part of the time."""
SHORTEST_APART_S = 1e-3
SHORTEST_WAIT_S = 0.05
"""Shortest wait after a refusal: ``Retry-After: 0`` would otherwise become a busy loop."""
FIRST_WAIT_S = 0.5
"""A call's first wait, where the endpoint states none; each further one is twice as long."""
FIRST_HOLD_S = 0.1
HOLD_SHARE = 0.35
"""Where the endpoint states no wait, a hold lasts this part of the time since the first refusal.
So the end of a long throttle is noticed late by at most that part of it."""
SEEN_SHARE = 0.1
"""The first of such holds may last this part of the time since the throttle before, and half of
what `HOLD_SHARE` is of that throttle: the limits of a minute refuse calls about equally long each
time, so that short holds at the beginning would only waste calls."""
LONGEST_S = 60.0
"""Longest wait that the endpoint does not state; a longer Retry-After is obeyed."""
LATER_SHARE = 0.5
LATER_S = 1.0
"""Processes that only heard of a hold wait longer by this part of it, and at most this time: the
one that was refused looks first, and the others hear of it if it is refused again."""
RAMP_S = 0.25
"""After a hold, the calls sent double in this time until the first is answered."""


class Holds:
    """The waits of one process for one endpoint.

    Args:
        jitter: Returns numbers in [0, 1), so that processes do not retry at the same time.
        patience_s: A longer Retry-After holds all calls at once: a person has to know.
    """

    def __init__(self, jitter: Callable[[], float], patience_s: float) -> None:
        self._jitter = jitter
        self._patience_s = patience_s
        self._sent = 0
        self._row_first = self._row = 0
        self._until_s = -math.inf
        self._later_s = 0.0
        """Time after `_until_s` in which another process looks whether the hold is over."""
        self._last_before = 0
        """Number of the last call sent before the hold, which says more than its refusal."""
        self._last_accepted = 0
        """The same for the first of several holds: an answer to a later call ends them."""
        self._resumed: int | None = None
        """Calls sent after a hold, of which none is answered yet; None: no hold."""
        self._refused_since_s: float | None = None
        self._ended_s: float | None = None
        """When calls were answered again after an earlier hold."""
        self._lost_s = 0.0
        """The time for which all calls were refused then."""

    def hold_s(self, now_s: float) -> float:
        """Return the seconds for which no call may be sent; 0: none."""
        return max(0.0, self._until_s - now_s)

    def refused_s(self, now_s: float) -> float | None:
        """Return the seconds since which all calls are refused; None: some are answered."""
        return None if self._refused_since_s is None else now_s - self._refused_since_s

    def wait_s(self, now_s: float) -> float:
        """Return the seconds until the next call may be sent."""
        ramp_s = RAMP_S * math.log2(self._resumed + 1) if self._resumed else 0.0
        return max(0.0, self._until_s + self._later_s + ramp_s - now_s)

    @property
    def is_tried(self) -> bool:
        """Return True when the first calls after a hold are sent, to see whether it is over."""
        return self._resumed is not None

    def sent(self, number: int) -> None:
        """Count a call that is sent."""
        self._sent = number
        if self._resumed is not None:
            self._resumed += 1

    def hear(self, hold_s: float, now_s: float) -> None:
        """Send no call for as long as another process was asked to wait, and a little longer."""
        self._hold(now_s + hold_s, min(LATER_S, LATER_SHARE * hold_s) * (1 + self._jitter()) / 2)

    def _hold(self, until_s: float, later_s: float) -> None:
        if until_s <= self._until_s:
            return
        if self._resumed is None:
            self._last_accepted = self._sent
        self._until_s, self._later_s = until_s, later_s
        self._last_before, self._resumed = self._sent, 0

    def refused(
        self,
        call: SentCall,
        now_s: float,
        retry_after_s: float | None,
        *,
        background: float,
        apart_s: float,
    ) -> bool:
        """Count a refusal; hold all calls if most are refused.

        Args:
            call: The call.
            now_s: The time.
            retry_after_s: The wait that the endpoint asked for; None: it said nothing.
            background: The share of calls that is refused at random, as far as known.
            apart_s: The usual time between two calls.

        Returns:
            True when all calls are held now, and were not before.
        """
        too_long = retry_after_s is not None and retry_after_s > self._patience_s
        lost_s = FIRST_HOLD_S if retry_after_s is None else retry_after_s
        stray = max(STRAY, background)
        chance = UNLIKELY * max(SHORTEST_APART_S, apart_s) / max(SHORTEST_WAIT_S, lost_s)
        row = max(ROW, math.ceil(math.log(chance) / math.log(stray)))
        if not self._are_most_refused(call, row) and not too_long:
            return False
        is_new = self._refused_since_s is None
        since_s = now_s if self._refused_since_s is None else self._refused_since_s
        if retry_after_s is not None:
            hold_s = self._requested_s(retry_after_s)
        else:
            least_s = max(FIRST_HOLD_S, apart_s, self._seen_s(since_s))
            grown_s = max(least_s, HOLD_SHARE * (now_s - since_s))
            hold_s = min(LONGEST_S, grown_s) * (0.75 + self._jitter() / 4)
        self._refused_since_s, self._row = since_s, 0
        self._hold(now_s + hold_s, 0.0)
        return is_new

    def _seen_s(self, since_s: float) -> float:
        """Return a first hold for refusals that began at `since_s`, by the throttle before."""
        if self._ended_s is None:
            return 0.0
        return min(HOLD_SHARE / 2 * self._lost_s, SEEN_SHARE * (since_s - self._ended_s))

    def _are_most_refused(self, call: SentCall, row: int) -> bool:
        if call.number <= self._last_before:
            return False
        if self._resumed is not None:
            return True
        self._row += 1
        if 3 * self._row < 2 * (call.number - self._row_first + 1):
            self._row_first, self._row = call.number, 1
        return self._row >= row

    def answered(self, call: SentCall, now_s: float) -> float | None:
        """Count an answer.

        Returns:
            If it ends a time in which all calls were refused: the share of that in the time since
            the one before, 0 for the first. Else None.
        """
        if call.number <= self._last_accepted:
            if self._refused_since_s is not None:
                # Not all were refused until now, but those sent since the hold are.
                self._refused_since_s = now_s
            return None
        self._resumed = None
        if self._refused_since_s is None:
            return None
        lost_s, before_s = now_s - self._refused_since_s, self._ended_s
        self._refused_since_s, self._ended_s, self._lost_s = None, now_s, lost_s
        return 0.0 if before_s is None else lost_s / max(1e-9, now_s - before_s)

    def own_wait_s(self, retry_after_s: float | None, times: int) -> float:
        """Return the seconds that a call waits after its refusal number `times`."""
        if retry_after_s is not None:
            return self._requested_s(retry_after_s)
        # 2 ** 7 * 0.5 s exceeds the longest wait; a larger exponent could only overflow.
        grown_s = FIRST_WAIT_S * float(1 << min(times - 1, 7))
        return min(LONGEST_S, grown_s) * (0.5 + self._jitter() / 2)

    def _requested_s(self, retry_after_s: float) -> float:
        # Never earlier than the provider asked for; later by at most a tenth, or a second.
        late_s = min(1.0, retry_after_s / 10) * self._jitter()
        return max(SHORTEST_WAIT_S, retry_after_s + late_s)
