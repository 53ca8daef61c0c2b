"""What a run needs next, decided from its numbers alone.

Generation calls are tickets, numbered from 0. Ticket n is issued only after ticket
n - lookahead was admitted at the latest, and tickets are admitted in order, so what a prompt shows
and what is accepted never depend on which reply came first: equal replies, equal data set.
"""

import math
from dataclasses import dataclass

from app.states import EndReason


@dataclass(frozen=True, slots=True)
class Numbers:
    """Where a run stands, in numbers."""

    target: int
    """Accepted instructions wanted."""
    accepted: int
    issued: int
    """Tickets made so far."""
    admitted: int
    """Tickets whose replies were read and decided, in order."""
    barren: int
    """Tickets admitted since the last one that brought something acceptable."""
    lookahead: int
    dry_after: int
    usual_yield: float = 1.0
    """Accepted instructions that a ticket brings by experience; counts as one ticket admitted."""

    @property
    def dry(self) -> bool:
        """Whether so many replies in a row brought nothing that more would be money wasted."""
        return self.barren >= self.dry_after


def tickets_to_issue(numbers: Numbers) -> int:
    """Count the generation calls to add now: enough for the target, at most `lookahead` in the air.

    The yield of a ticket is what the admitted ones brought; the usual one counts among them.
    """
    missing = numbers.target - numbers.accepted
    if missing <= 0 or numbers.dry:
        return 0
    in_air = numbers.issued - numbers.admitted
    expected_yield = (numbers.accepted + numbers.usual_yield) / (numbers.admitted + 1)
    wanted = min(numbers.lookahead, math.ceil(missing / expected_yield))
    return max(0, wanted - in_air)


def end_of(numbers: Numbers, *, work_left: bool, has_rows: bool) -> EndReason | None:
    """Say why the run is over; None while there is work open.

    A target met without a single row to train on is dry too.
    """
    if work_left:
        return None
    met = numbers.accepted >= numbers.target and has_rows
    return EndReason.TARGET_MET if met else EndReason.DRY


def no_row_comes(numbers: Numbers, *, complete: int) -> bool:
    """Whether so many instructions ended without an instance that more would be money wasted.

    Asked only while the data set has no row at all; `complete` counts the instructions whose
    instances were asked for and read since the run was started or resumed.
    """
    return complete >= numbers.dry_after
