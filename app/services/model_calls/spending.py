"""The spending of a job that is not a run, kept in a file of its folder.

As in a run, the most that a call can take is reserved before the call is sent, and replaced by what
it took once it is answered. A call that was cut off, by a crash or a timeout, stays reserved: it
may be billed. So the cap is not exceeded, even after crashes. An endpoint that bills a call beyond
its most raises what is reserved for the calls after it, so only the calls in flight by then can
exceed the cap.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel

from app.pipeline.budget import HEADROOM, Amount, Caps
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
        self._entries: dict[str, _Entry] = {}
        self.largest_beyond_usd = Decimal(0)
        """The largest bill of a call that took more than was reserved for it; 0: none did."""
        self._remember(self._lines.read())
        self._token = secrets.token_hex(4)
        """Distinguishes the calls of this process from those of an earlier one."""

    @property
    def used(self) -> Amount:
        """The most that all calls can have taken."""
        return self.settled + self.open

    @property
    def settled(self) -> Amount:
        """The amount that answered calls took."""
        return self._sum(is_settled=True)

    @property
    def open(self) -> Amount:
        """The most that calls without an answer can have taken."""
        return self._sum(is_settled=False)

    def _sum(self, *, is_settled: bool) -> Amount:
        found = [each.usd for each in self._entries.values() if each.is_settled == is_settled]
        return Amount(calls=len(found), usd=sum(found, Decimal(0)))

    def affordable(self, calls: Sequence[Amount]) -> int:
        """Return how many of these calls, in order, the cap allows; each is given at its most."""
        used = self.used
        for count, most in enumerate(calls):
            used += self._expected(most)
            if not self._caps.allow(used):
                return count
        return len(calls)

    def refusal(self, call: Amount) -> str | None:
        """Explain why the cap does not allow this call; None when it does."""
        used, call = self.used, self._expected(call)
        cap = self._caps.broken_by(used + call)
        if cap is None:
            return None
        return (
            f"The next call could go over the cap of {cap}: it can take ${call.usd:f}, and "
            f"${used.usd:f} may be spent."
        )

    def reserve(self, calls: Sequence[Amount]) -> Sequence[str]:
        """Reserve calls at their most before they are sent.

        Returns:
            The names to settle them by.

        Raises:
            OutOfSpace: when the disk is full.
        """
        begin = len(self._entries)
        names = [f"{self._token}.{begin + place}" for place in range(len(calls))]
        self._enter(
            [
                _Entry(call=name, usd=self._expected(most).usd, is_settled=False)
                for name, most in zip(names, calls, strict=True)
            ]
        )
        return names

    def settle(self, taken: Mapping[str, Decimal]) -> None:
        """Record what calls took, by their names.

        Raises:
            OutOfSpace: when the disk is full.
        """
        self._enter([_Entry(call=name, usd=usd, is_settled=True) for name, usd in taken.items()])

    def _enter(self, entries: Sequence[_Entry]) -> None:
        self._lines.append(entries)
        self._remember(entries)

    def _remember(self, entries: Iterable[_Entry]) -> None:
        for entry in entries:
            reserved = self._entries.get(entry.call)
            if reserved is not None and entry.usd > reserved.usd:
                self.largest_beyond_usd = max(self.largest_beyond_usd, entry.usd)
            self._entries[entry.call] = entry

    def _expected(self, most: Amount) -> Amount:
        """Return the most that a call can take after the largest bill so far."""
        return replace(most, usd=most.usd + self.largest_beyond_usd * HEADROOM)
