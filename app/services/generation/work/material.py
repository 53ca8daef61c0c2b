"""The parts of a run that stay the same while it runs."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy.orm import Session

from app.llm.preflight.preflight import CAN_NOTHING
from app.pipeline.options import RunOptions
from app.pipeline.profiles import PROFILES, Profile
from app.pipeline.shapes import Asking
from app.pipeline.types import Capabilities, SeedTask, Stage
from app.services.generation.work import learned
from app.store.runs import seed_sets
from app.store.runs.source import Growing, Source, source_of
from app.store.tables.runs import Run


@dataclass(frozen=True, slots=True)
class RunMaterial:
    """The options, profile and source of a run, with its seeds."""

    run_id: str
    profile: Profile
    options: RunOptions
    source: Source
    seeds: Sequence[SeedTask] = ()
    """Empty in a review."""
    capabilities: Capabilities = CAN_NOTHING
    """Those of all endpoints, as known now."""
    raised_limits: Mapping[Stage, int] = field(default_factory=dict)
    """Raised length limits by stage, in tokens."""
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of every call, by setting and by option."""

    @property
    def asking(self) -> Asking:
        """The options and capabilities that shape every request of the run."""
        return Asking(self.options, self.capabilities)


@dataclass(frozen=True, slots=True)
class PreparedRun:
    """A run that a pump can work on: its material and its model."""

    material: RunMaterial
    model: str
    set_aside: Collection[str] = ()
    """The endpoints that refuse every call; the other workers may find further ones."""


def material_of(session: Session, run: Run) -> RunMaterial:
    """Load the material of a run."""
    options = RunOptions.model_validate(run.options)
    source = source_of(run)
    seeds = seed_sets.tasks_of(session, source.seed_set_id) if isinstance(source, Growing) else ()
    material = RunMaterial(run.id, PROFILES[options.profile], options, source, seeds)
    return as_known_now(run, material)


def as_known_now(run: Run, material: RunMaterial) -> RunMaterial:
    """Return the material with what may change while a run runs.

    A person may raise its target; a worker may learn what the endpoint refuses.
    """
    options, target = material.options, run.options["target"]
    if target != options.target:
        options = options.model_copy(update={"target": target})
    capabilities, limits = learned.capabilities_of(run), learned.raised_limits(run)
    now = replace(material, options=options, capabilities=capabilities, raised_limits=limits)
    return material if now == material else now
