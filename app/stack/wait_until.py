"""Waiting for another process: ask again and again, for a limited time."""

import time
from collections.abc import Callable


def wait_until(is_done: Callable[[], bool], *, timeout_s: float, poll_s: float) -> bool:
    """Wait until `is_done` returns True; it is called at least once, and once more at the end.

    Returns:
        False when the time is over.
    """
    give_up_at = time.monotonic() + timeout_s
    while not is_done():
        left_s = give_up_at - time.monotonic()
        if left_s <= 0:
            return False
        time.sleep(min(poll_s, left_s))
    return True
