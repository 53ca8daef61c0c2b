"""The rest of a run, and the calls guessed for it: what an estimate takes and gives by stage."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from app.dataset_row import Record
from app.pipeline.options import RunOptions
from app.pipeline.profiles import PROFILES, Profile
from app.pipeline.types import SeedTask


@dataclass(frozen=True, slots=True)
class GrowingPlan:
    """The rest of a run that grows, as far as an estimate needs it."""

    options: RunOptions
    model: str
    seeds: Sequence[SeedTask]
    missing: int
    """Instructions still to be accepted."""
    unfinished: int = 0
    """Instructions accepted and without their instances."""

    @property
    def profile(self) -> Profile:
        """The profile of the run."""
        return PROFILES[self.options.profile]


@dataclass(frozen=True, slots=True)
class ReviewingPlan:
    """The rest of a review, as far as an estimate needs it."""

    options: RunOptions
    model: str
    rows: Sequence[Record]
    """Some rows from all over the data set, to measure by."""
    missing: int
    """Rows still to be reviewed."""

    @property
    def profile(self) -> Profile:
        """The profile of the run."""
        return PROFILES[self.options.profile]


Plan: TypeAlias = GrowingPlan | ReviewingPlan


class Guess(NamedTuple):
    """The calls of a stage, guessed from prompts like those to come."""

    calls: int
    prompt_tokens: float
    """Of one call."""
    completion_tokens: float
    """Of one call."""
    prompt_is_measured: bool = False
    """True when the prompts themselves were measured, so that earlier runs say nothing better."""
