"""The limits of an endpoint under measurement: which calls it refuses.

A limit is written as its name and its numbers, such as ``bucket:150,1``; see `LIMITS`.
"""

import random
from collections import deque
from typing import Protocol


class Limit(Protocol):
    """A limit; it decides when a call arrives."""

    status: int
    """HTTP status of a refusal."""
    retry_after_s: float | None
    """Wait that a refusal asks for; None: it says nothing."""

    def takes(self, now_s: float) -> bool:
        """Return True when a call is taken that arrives now, in seconds since the first."""

    def used(self, tokens: int) -> None:
        """Count the tokens of the call that was taken last."""


class Unlimited:
    """No limit; the base of the others."""

    status = 429
    retry_after_s: float | None = None

    def takes(self, now_s: float) -> bool:  # noqa: ARG002 - the limits need it
        """Take every call."""
        return True

    def used(self, tokens: int) -> None:
        """Count nothing."""


class Stray(Unlimited):
    """A share of the calls is refused at random, whatever the load, as shared gateways do."""

    retry_after_s = 0.2

    def __init__(self, share: float) -> None:
        self._share = share
        self._rng = random.Random(1)

    def takes(self, now_s: float) -> bool:  # noqa: ARG002 - it does not matter here
        """Take a call with the same chance at any time."""
        return self._rng.random() >= self._share


class Sliding(Unlimited):
    """A number of calls in any second."""

    retry_after_s = 0.2

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._taken_s = deque[float]()

    def takes(self, now_s: float) -> bool:
        """Take a call while the last second has room."""
        while self._taken_s and now_s - self._taken_s[0] >= 1:
            self._taken_s.popleft()
        is_free = len(self._taken_s) < self._per_s
        if is_free:
            self._taken_s.append(now_s)
        return is_free


class Bucket(Unlimited):
    """A token bucket of calls. With a burst of 1, each call must keep its distance to the last."""

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_s, self._burst = per_s, burst
        self._left, self._at_s = burst, 0.0

    def takes(self, now_s: float) -> bool:
        """Take a call if the bucket holds one."""
        self._fill(now_s)
        is_full = self._left >= 1
        self._left -= is_full
        return is_full

    def _fill(self, now_s: float) -> None:
        gained = (now_s - self._at_s) * self._per_s
        self._left, self._at_s = min(self._burst, self._left + gained), now_s


class Tokens(Bucket):
    """A token bucket of the tokens of calls, which are known once a call is answered."""

    def takes(self, now_s: float) -> bool:
        """Take a call while tokens are left."""
        self._fill(now_s)
        return self._left > 0

    def used(self, tokens: int) -> None:
        """Take the tokens of a call; it may take more than there are."""
        self._left -= tokens


class Window(Unlimited):
    """A number of calls in each window of time; a refusal does not say when the next begins."""

    def __init__(self, calls: float, window_s: float) -> None:
        self._calls, self._window_s = calls, window_s
        self._window = self._taken = 0

    def takes(self, now_s: float) -> bool:
        """Take a call while this window has room."""
        window = int(now_s / self._window_s)
        if window != self._window:
            self._window, self._taken = window, 0
        is_free = self._taken < self._calls
        self._taken += is_free
        return is_free


class Away(Unlimited):
    """An outage: for some seconds every call is refused with this status."""

    def __init__(self, from_s: float, for_s: float, status: float) -> None:
        self._from_s, self._until_s = from_s, from_s + for_s
        self.status = int(status)

    def takes(self, now_s: float) -> bool:
        """Take calls before and after."""
        return not self._from_s <= now_s < self._until_s


LIMITS: dict[str, type[Unlimited]] = {
    "none": Unlimited,
    "stray": Stray,
    "sliding": Sliding,
    "bucket": Bucket,
    "tokens": Tokens,
    "window": Window,
    "away": Away,
}


def limit_of(text: str) -> Limit:
    """Make the limit that is written like this."""
    name, _, numbers = text.partition(":")
    return LIMITS[name](*(float(number) for number in numbers.split(",") if number))
