"""The bias of a model to yes or no, measured on tasks without content.

After Zhao et al. 2021, "Calibrate Before Use". A small model says no to nearly everything, and its
margins are informative only after the bias is subtracted.
"""

from collections.abc import Sequence

CONTENT_FREE = ("N/A", "[MASK]", "...")
MOST_BIAS = 3.0
"""Nats. A strong model answers no to an empty task with a margin of ten or more; subtracting all of
it would reverse its clear answers."""


def bias_of(margins: Sequence[float]) -> float:
    """Return the mean margin for content-free tasks, limited to the bounds; 0 without margins."""
    if not margins:
        return 0.0
    mean = sum(margins) / len(margins)
    return max(-MOST_BIAS, min(MOST_BIAS, mean))
