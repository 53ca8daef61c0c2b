"""The times at which calls may be sent to an endpoint: within a limit, spaced evenly, after waits.

`ShareLimit` says how many may be in flight, `Holds` how long a refused call waits, and when all do.
Calls are spaced evenly until the endpoint is known to accept the maximum: many answers at once
would cause a burst of new calls, which breaks a per-second limit that the average rate keeps.
No I/O and no clock: times are seconds of one monotonic clock, given as arguments.
"""

import math
from collections.abc import Callable

from app.llm.parallel.holds import Holds
from app.llm.parallel.sent_call import SentCall
from app.llm.parallel.share_limit import ShareLimit

HEADROOM = 0.8
"""Fraction of an even stream's time between two calls that is kept while no limit is known."""
FIRST_APART_S = 0.06
"""Time between two calls before the first answer. Several at once may exceed a limit that allows
many calls a second, but no burst; that would be learnt as a far lower limit."""
AHEAD_S = 0.2
"""Calls for this time wait here for their turn where calls are spaced. Their owner gives new ones
only between two of its transactions, in which nothing would be sent otherwise."""
SLACK_S = 0.005
"""Assumed precision of timers."""


class ConcurrencyControl:
    """Decides for one process and one endpoint when calls may be sent.

    Args:
        ceiling: The highest limit.
        jitter: Returns numbers in [0, 1), so that processes do not retry at the same time.
        first: The limit at the start; None: `ceiling`. It rises fast until calls are refused.
        patience_s: A longer Retry-After holds all calls at once: a person has to know.
    """

    def __init__(
        self,
        ceiling: int,
        jitter: Callable[[], float],
        *,
        first: int | None = None,
        patience_s: float = math.inf,
    ) -> None:
        self._ceiling = ceiling
        self._limit = ShareLimit(ceiling, ceiling if first is None else first)
        self._holds = Holds(jitter, patience_s)
        self._sent = self._in_flight = 0
        self._next_at_s = 0.0

    @property
    def limit(self) -> int:
        """Most calls in flight; at least 1."""
        return max(1, int(self._limit.value))

    @property
    def ahead(self) -> int:
        """Calls that should wait here for their turn, beside those in flight."""
        usual_s = self._limit.usual_s
        if self._is_free or usual_s is None:
            return 0
        return min(self.limit, math.ceil(AHEAD_S * self._limit.value / max(SLACK_S, usual_s)))

    @property
    def background(self) -> float:
        """The share of calls that is refused at random, as far as known."""
        return self._limit.background.share

    def hold_s(self, now_s: float) -> float:
        """Return the seconds for which no call may be sent; 0: none."""
        return self._holds.hold_s(now_s)

    def refused_s(self, now_s: float) -> float | None:
        """Return the seconds since which all calls are refused; None: some are answered."""
        return self._holds.refused_s(now_s)

    def wait_s(self, now_s: float) -> float:
        """Return the seconds until the next call may be sent, if the limit allows one."""
        return max(self._holds.wait_s(now_s), self._next_at_s - now_s)

    def send(self, now_s: float) -> SentCall:
        """Count a call that is sent."""
        self._sent += 1
        self._in_flight += 1
        self._limit.sent(self._sent)
        self._holds.sent(self._sent)
        if not self._is_free:
            usual_s = self._limit.usual_s
            apart_s = FIRST_APART_S if usual_s is None else usual_s / self._limit.value
            if self._limit.too_high is None and self._limit.value >= 1:
                apart_s *= HEADROOM
            # A late timer is made up for, but not by two calls at the same time.
            slack_s = SLACK_S if apart_s < SLACK_S else min(SLACK_S, apart_s / 4)
            self._next_at_s = max(self._next_at_s, now_s - slack_s) + apart_s
        return SentCall(self._sent, now_s)

    @property
    def _is_free(self) -> bool:
        """Return True when the endpoint is known to accept the maximum."""
        return self._limit.too_high is None and self._limit.value >= self._ceiling

    def answered(self, call: SentCall, now_s: float) -> None:
        """Count an answer."""
        self._in_flight -= 1
        lost_share = self._holds.answered(call, now_s)
        if lost_share is not None:
            self._limit.hold_ended(lost_share, now_s)
        self._limit.answered(call, now_s)

    def throttled(
        self, call: SentCall, now_s: float, retry_after_s: float | None, times: int = 1
    ) -> float:
        """Count a refusal.

        Args:
            call: The call.
            now_s: The time.
            retry_after_s: The wait that the endpoint asked for; None: it said nothing.
            times: How often this call was refused so far.

        Returns:
            The seconds that this call waits, whatever the others do.
        """
        self._in_flight -= 1
        self._limit.refused(call)
        apart_s = (self._limit.usual_s or 0.0) / self._limit.value
        # Those in flight are the ones that were accepted, unless few were sent because of a hold.
        accepted = None if self._holds.is_tried else self._in_flight
        if self._holds.refused(
            call, now_s, retry_after_s, background=self.background, apart_s=apart_s
        ):
            self._limit.hold_began(accepted, now_s)
        elif self._holds.refused_s(now_s) is None:
            self._limit.judge(now_s)
        return self._holds.own_wait_s(retry_after_s, times)

    def lost(self) -> None:
        """Count a call that ended and says nothing about the limit, such as one of an outage."""
        self._in_flight -= 1

    def hear(self, hold_s: float, now_s: float) -> None:
        """Send no call for `hold_s` seconds, or a little longer: another process was refused."""
        self._holds.hear(hold_s, now_s)
