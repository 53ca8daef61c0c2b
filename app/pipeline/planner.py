"""The next need of a run, decided from its numbers alone.

Generation calls are tickets, numbered from 0. Ticket n is issued only after ticket
n - lookahead was admitted at the latest, and tickets are admitted in order, so what a prompt shows
and what is accepted never depend on which reply came first: equal replies, equal data set.
"""

import math
from dataclasses import dataclass

from app.states import EndReason


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of a run that the planner decides from."""

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
    """Accepted instructions that a ticket usually brings; counts as one ticket admitted."""

    @property
    def dry(self) -> bool:
        """Return True when enough replies in a row brought nothing: more would waste money."""
        return self.barren >= self.dry_after


def tickets_to_issue(numbers: Numbers) -> int:
    """Return how many generation calls to add: at most `lookahead` are in flight.

    The yield of a ticket is the mean of the admitted ones, with the usual yield as one more.
    """
    missing = numbers.target - numbers.accepted
    if missing <= 0 or numbers.dry:
        return 0
    in_flight = numbers.issued - numbers.admitted
    expected_yield = (numbers.accepted + numbers.usual_yield) / (numbers.admitted + 1)
    wanted = min(numbers.lookahead, math.ceil(missing / expected_yield))
    return max(0, wanted - in_flight)


def end_of(numbers: Numbers, *, work_left: bool, has_rows: bool) -> EndReason | None:
    """Return why the run is over; None while work is left.

    A run that met its target without a single row is dry, too.
    """
    if work_left:
        return None
    met = numbers.accepted >= numbers.target and has_rows
    return EndReason.TARGET_MET if met else EndReason.DRY


def no_row_comes(numbers: Numbers, *, complete: int) -> bool:
    """Return True when enough instructions got no instance: more would waste money.

    Args:
        numbers: the numbers of a run that has no row at all.
        complete: instructions whose instances were asked and read since the run was started or
            resumed.
    """
    return complete >= numbers.dry_after
