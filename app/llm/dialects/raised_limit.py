"""The next length limit after one that ended a reply before its answer."""

HIGHEST_LIMIT = 16_384
"""Highest limit, in tokens, that is set without being asked for."""
_FACTOR = 4
_LEAST_FOR_WORDS = 64
_LEAST_FOR_THOUGHTS = 1024


def raised_limit(limit: int, *, has_thought: bool) -> int:
    """Return a higher length limit in tokens, or the same one where it is high enough.

    Args:
        limit: that of the reply, in tokens.
        has_thought: the reply had no word of an answer, so thoughts took all of it.
    """
    least = _LEAST_FOR_THOUGHTS if has_thought else _LEAST_FOR_WORDS
    return max(limit, min(HIGHEST_LIMIT, max(least, limit * _FACTOR)))
