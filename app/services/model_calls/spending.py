"""What the model calls of a job that is no run may take and have taken, in a file of its folder.

As in a run, a call is reserved at the most it can take before it goes out, and settled at what it
took once it was answered. One that was cut off, by a death or by a timeout, stays counted at its
most: it may have been paid for. So a cap holds over any number of deaths.
"""

import secrets
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel

from app.pipeline.budget import Amount, Caps
from app.services.model_calls.journal import LineFile


class _Entry(BaseModel, frozen=True):
    """A line of the file; the last one of a call counts."""

    call: str
    usd: Decimal
    is_settled: bool


class Spending:
    """The calls of one job; for one thread of one process at a time."""

    def __init__(self, path: Path, caps: Caps) -> None:
        self._caps = caps
        self._lines = LineFile(path, _Entry)
        self._entries = {entry.call: entry for entry in self._lines.read()}
        self._token = secrets.token_hex(4)
        """Tells the calls of this process from an earlier one's."""

    @property
    def used(self) -> Amount:
        """What all calls took, at the most."""
        return self.settled + self.open

    @property
    def settled(self) -> Amount:
        """What the answered ones took."""
        return self._sum(is_settled=True)

    @property
    def open(self) -> Amount:
        """What those can have taken at the most of which no answer came, or none yet."""
        return self._sum(is_settled=False)

    def _sum(self, *, is_settled: bool) -> Amount:
        found = [each.usd for each in self._entries.values() if each.is_settled == is_settled]
        return Amount(calls=len(found), usd=sum(found, Decimal(0)))

    def affordable(self, calls: Sequence[Amount]) -> int:
        """How many of these calls, from the first on, may go out now; each is told at its most."""
        used = self.used
        for count, most in enumerate(calls):
            used += most
            if not self._caps.allow(used):
                return count
        return len(calls)

    def refusal(self, call: Amount) -> str | None:
        """Say why this call may not go out; None: it may."""
        used = self.used
        cap = self._caps.broken_by(used + call)
        if cap is None:
            return None
        return (
            f"The next call could go over the cap of {cap}: it can take ${call.usd:f}, and "
            f"${used.usd:f} may be spent."
        )

    def reserve(self, calls: Sequence[Amount]) -> Sequence[str]:
        """Enter calls at their most before they go out; the names to settle them by.

        Raises:
            OutOfSpace: when the disk is full.
        """
        begin = len(self._entries)
        names = [f"{self._token}.{begin + place}" for place in range(len(calls))]
        self._enter(
            [
                _Entry(call=name, usd=most.usd, is_settled=False)
                for name, most in zip(names, calls, strict=True)
            ]
        )
        return names

    def settle(self, taken: Mapping[str, Decimal]) -> None:
        """Enter what calls took, by their names.

        Raises:
            OutOfSpace: when the disk is full.
        """
        self._enter([_Entry(call=name, usd=usd, is_settled=True) for name, usd in taken.items()])

    def _enter(self, entries: Sequence[_Entry]) -> None:
        self._lines.append(entries)
        self._entries |= {entry.call: entry for entry in entries}
