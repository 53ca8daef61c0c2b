"""The model's bias to yes or no: what it leans to for tasks that say nothing.

After Zhao et al. 2021, "Calibrate Before Use". A small model says no to nearly everything, and its
margins carry the answer only once that is taken off.
"""

from collections.abc import Sequence

CONTENT_FREE = ("N/A", "[MASK]", "...")
MOST_BIAS = 3.0
"""Nats. A strong model knows that nothing is no classification task, and says so with a margin of
ten or more; taken off in full, that knowledge would turn its firm answers around."""


def bias_of(margins: Sequence[float]) -> float:
    """The mean margin for content-free tasks, within bounds; 0 when none could be had."""
    if not margins:
        return 0.0
    mean = sum(margins) / len(margins)
    return max(-MOST_BIAS, min(MOST_BIAS, mean))
