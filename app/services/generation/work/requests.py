"""From a claimed work item to the request that is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.pipeline.budget import NOTHING, Amount
from app.pipeline.demonstrations import Demonstration
from app.pipeline.profiles import generate_stage, review_stage
from app.pipeline.shapes import Asking, ClassifyStage
from app.pipeline.types import Request, SeedTask, Stage
from app.record import Record
from app.services.generation.work.pool import RunMaterial
from app.store.datasets import reviewed_rows
from app.store.work import instructions
from app.store.work.instructions import Accepted
from app.store.work.work_items import Item


@dataclass(frozen=True, slots=True)
class Asked:
    """A work item with the request that was made of it."""

    item: Item
    request: Request
    about: Accepted | None = None
    """The instruction that a later stage's item is about."""
    row: Record | None = None
    """The row of a data set that an item of a review is about."""
    reserved: Amount = NOTHING
    """The most that the call can take."""
    call: str = ""
    """The call's own name."""
    endpoint: str = ""
    """Where it goes."""

    @property
    def key(self) -> int:
        """The item's id, which identifies the call among those in flight."""
        return self.item.id

    @property
    def attempts(self) -> int:
        """How often the item has failed so far."""
        return self.item.attempts

    @property
    def demonstrations(self) -> Sequence[dict[str, Any]]:
        """What the prompt shows, by place; empty in the later stages."""
        shown: Sequence[dict[str, Any]] = self.item.subject.get("demonstrations", ())
        return shown


def build(
    session: Session, items: Sequence[Item], material: RunMaterial, asking: Asking
) -> list[Asked]:
    """Build the requests of claimed items; loads what they speak of at once."""
    if material.dataset_id is not None:
        return _of_rows(session, items, material, asking)
    needed = {item.ordinal for item in items if item.stage in (Stage.CLASSIFY, Stage.INSTANTIATE)}
    for item in items:
        shown = item.subject.get("demonstrations", ())
        needed |= {d["position"] for d in shown if d["origin"] == "machine"}
    accepted = instructions.find(session, material.run_id, needed) if needed else {}
    return [
        Asked(item, _request(item, material, asking, accepted), _about(item, accepted))
        for item in items
    ]


def _of_rows(
    session: Session, items: Sequence[Item], material: RunMaterial, asking: Asking
) -> list[Asked]:
    positions = {item.ordinal for item in items}
    rows = reviewed_rows.records_at(session, str(material.dataset_id), positions)
    build_request = review_stage(material.profile).build_request
    about = [(item, rows[item.ordinal]) for item in items]
    return [Asked(item, build_request(row, asking, item.attempts), row=row) for item, row in about]


def _about(item: Item, accepted: Mapping[int, Accepted]) -> Accepted | None:
    later = item.stage in (Stage.CLASSIFY, Stage.INSTANTIATE)
    return accepted[item.ordinal] if later else None


def _request(
    item: Item, material: RunMaterial, asking: Asking, accepted: Mapping[int, Accepted]
) -> Request:
    profile = material.profile
    match item.stage:
        case Stage.GENERATE:
            shown = [
                _demonstration(drawn, material.seeds, accepted)
                for drawn in item.subject["demonstrations"]
            ]
            return generate_stage(profile).build_request(shown, asking)
        case Stage.CALIBRATE:
            nothing = item.subject["instruction"]
            return classify_stage(material).build_request(nothing, asking, item.attempts)
        case Stage.CLASSIFY:
            text = accepted[item.ordinal].text
            return classify_stage(material).build_request(text, asking, item.attempts)
        case Stage.INSTANTIATE:
            row = accepted[item.ordinal]
            return profile.instantiate(row.is_classification).build_request(row.text, asking)
        case Stage.PREFLIGHT | Stage.REVIEW:
            raise ValueError(f"{item.stage} is no stage of a run that grows")


def classify_stage(material: RunMaterial) -> ClassifyStage:
    """The profile's classification stage; items of that stage exist only where it has one."""
    if material.profile.classify is None:
        raise ValueError(f"the profile {material.profile.name} has no classification stage")
    return material.profile.classify


def _demonstration(
    drawn: dict[str, Any], seeds: Sequence[SeedTask], accepted: Mapping[int, Accepted]
) -> Demonstration:
    if drawn["origin"] == "machine":
        row = accepted[drawn["position"]]
        return Demonstration(row.text, is_classification=row.is_classification)
    seed = seeds[drawn["position"]]
    return Demonstration(seed.instruction, seed.instances[0], seed.is_classification)
