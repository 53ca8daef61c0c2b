"""The parts of a run that stay the same while it runs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from app.pipeline.options import RunOptions
from app.pipeline.profiles import PROFILES, Profile
from app.pipeline.shapes import Asking
from app.pipeline.types import Capabilities, SeedTask
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


@dataclass(frozen=True, slots=True)
class PreparedRun:
    """A run that a pump can work on: its material, model and what the endpoint can do."""

    material: RunMaterial
    model: str
    capabilities: Capabilities

    @property
    def asking(self) -> Asking:
        """The options and capabilities that shape every request of the run."""
        return Asking(self.material.options, self.capabilities)


def material_of(session: Session, run: Run) -> RunMaterial:
    """Load the material of a run."""
    options = RunOptions.model_validate(run.options)
    source = source_of(run)
    seeds = seed_sets.tasks_of(session, source.seed_set_id) if isinstance(source, Growing) else ()
    return RunMaterial(run.id, PROFILES[options.profile], options, source, seeds)


def with_target_of(run: Run, material: RunMaterial) -> RunMaterial:
    """Return the material with the run's present target, which a person may have raised."""
    target = run.options["target"]
    if target == material.options.target:
        return material
    return replace(material, options=material.options.model_copy(update={"target": target}))
