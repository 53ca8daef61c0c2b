"""Room for a reply: the next length limit after one that left no room for an answer."""

MOST_ROOM = 16_384
"""Highest limit, in tokens, that is set without being asked for."""
_FACTOR = 4
_LEAST_FOR_WORDS = 64
_LEAST_FOR_THOUGHTS = 1024


def more_room(limit: int, *, has_thought: bool) -> int:
    """Return a higher length limit in tokens, or the same one where it is high enough.

    Args:
        limit: that of the reply, in tokens.
        has_thought: the reply had no word of an answer, so thoughts took all of it.
    """
    least = _LEAST_FOR_THOUGHTS if has_thought else _LEAST_FOR_WORDS
    return max(limit, min(MOST_ROOM, max(least, limit * _FACTOR)))
