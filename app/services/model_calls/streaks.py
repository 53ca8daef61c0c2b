"""Calls in a row that the endpoint refused in equal words, by stage, for all workers together.

One refused call may be about its own text. Many in a row are about the endpoint, the model or the
options, so the run should pause before its work is used up.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from app.errors import ContextExceeded, ItemError, NoAnswer, NoText, Outage, TextFiltered
from app.pipeline.types import Stage

LIMIT = 10
"""Calls refused in a row after which a run pauses."""
_LATER_CALLS = 3
"""Refused calls that were sent after the streak began: those that were in flight together when it
began may be about texts that stand side by side."""
_ALL_WORDS = 3
"""Factor by which more calls are needed when their words differ."""
_ALIKE = 0.8
"""Share of common words from which on two messages are equal."""
_LONGEST_KEY = 300
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'|`[^`]*`|https?://\S+")
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Streak:
    """Refusals of one stage in a row."""

    key: str
    """The latest words, without what differs from call to call."""
    words: str
    calls: int = 0
    """Refused in a row in these words."""
    all_calls: int = 0
    """Refused in a row in any words."""
    items: tuple[int, ...] = ()
    """Ids of the items refused, at most as many as are ever needed."""
    wanted: int = LIMIT
    """Calls after which the run pauses."""
    resumes: int = 0
    """Number of times that the run was resumed unchanged and met the same words at once."""

    @property
    def is_long(self) -> bool:
        """Return True when the run should pause."""
        return self.calls >= self.wanted or self.all_calls >= _ALL_WORDS * self.wanted


@dataclass(slots=True)
class Streaks:
    """The streaks of a run, as its row stores them; the caller holds the row."""

    by_stage: dict[Stage, Streak] = field(default_factory=dict)

    def refused(
        self, stage: Stage, item_id: int, words: str, in_flight: Callable[[], int]
    ) -> Streak:
        """Count a refused call.

        Args:
            stage: its stage.
            item_id: its item.
            words: the provider's.
            in_flight: counts the calls of the stage in flight; called when a streak begins.

        Returns:
            The streak with this call.
        """
        before = self.by_stage.get(stage)
        key = key_of(words)
        if before is None or not before.all_calls:
            resumes = before.resumes if before is not None and alike(before.key, key) else 0
            wanted = max(LIMIT << max(0, resumes - 1), in_flight() + _LATER_CALLS)
            before = Streak(key, words, wanted=wanted, resumes=resumes)
        elif not alike(before.key, key):
            before = replace(before, key=key, calls=0, items=())
        items = before.items
        if item_id not in items and len(items) < before.wanted:
            items += (item_id,)
        streak = replace(
            before,
            words=words,
            calls=before.calls + 1,
            all_calls=before.all_calls + 1,
            items=items,
        )
        self.by_stage[stage] = streak
        return streak

    def answered(self, stage: Stage) -> None:
        """End the streak of a stage: the endpoint has answered one of its calls."""
        self.by_stage.pop(stage, None)

    def resume(self) -> None:
        """Begin anew after a resume without a change, which remembers the words."""
        self.by_stage = {
            stage: Streak(streak.key, streak.words, resumes=streak.resumes + 1)
            for stage, streak in self.by_stage.items()
        }

    @property
    def any_open(self) -> bool:
        """Return True when the last call of some stage was refused."""
        return any(streak.all_calls for streak in self.by_stage.values())

    @property
    def long(self) -> tuple[Stage, Streak] | None:
        """The streak for which the run should pause, with its stage; None: there is none."""
        return next(
            ((stage, streak) for stage, streak in self.by_stage.items() if _pauses(stage, streak)),
            None,
        )

    def stored(self) -> dict[str, Any]:
        """Return the streaks as JSON."""
        return {
            str(stage): {**asdict(streak), "items": list(streak.items)}
            for stage, streak in self.by_stage.items()
        }


def streaks_from(stored: Mapping[str, Any]) -> Streaks:
    """Read the streaks from their JSON."""
    return Streaks(
        {
            Stage(stage): Streak(**{**streak, "items": tuple(streak["items"])})
            for stage, streak in stored.items()
        }
    )


def _pauses(stage: Stage, streak: Streak) -> bool:
    # A row of a review may be refused for its own text in all its attempts, so rows are counted.
    rows = len(streak.items) >= min(streak.wanted, LIMIT)
    return streak.is_long and (rows or stage is not Stage.REVIEW)


def is_refusal(trouble: ItemError | Outage, *, prompts_vary: bool) -> bool:
    """Return True when a failed call says something about others, not only about its own text.

    Args:
        trouble: the failure of the call.
        prompts_vary: the prompts differ much in length, so one that is too long is about its text.
    """
    match trouble:
        case TextFiltered():
            return False
        case ContextExceeded():
            return not prompts_vary
        case Outage() | NoAnswer() | NoText():
            return True
        case _:
            # What may be billed is an answer that can't be used.
            return not trouble.may_be_paid


def key_of(words: str) -> str:
    """Return a message without what differs from call to call: quotes, addresses, numbers, ids."""
    found = _WORD.findall(_QUOTED.sub(" ", words.lower()))
    kept = (word for word in found if not any(letter.isdigit() for letter in word))
    return " ".join(kept)[:_LONGEST_KEY]


def alike(key: str, other: str) -> bool:
    """Return True when two keys say essentially the same."""
    words, others = set(key.split()), set(other.split())
    if not words or not others:
        return key == other
    return len(words & others) >= _ALIKE * len(words | others)
