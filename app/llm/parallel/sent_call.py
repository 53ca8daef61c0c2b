"""A call that was sent: what the concurrency limit and the holds have to know of it."""

from typing import NamedTuple


class SentCall(NamedTuple):
    """A call that was sent; its answer or refusal is reported with it."""

    number: int
    """Calls are numbered in the order of sending, from 1."""
    at_s: float
