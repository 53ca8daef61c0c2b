"""The requests of claimed work items, with the rows that they speak of."""

from collections.abc import Sequence
from dataclasses import replace
from typing import assert_never

from sqlalchemy.orm import Session

from app.pipeline.shapes import Asking
from app.pipeline.types import Stage
from app.services.generation.work.item_call import ItemCall
from app.services.generation.work.material import RunMaterial
from app.services.generation.work.stages import STAGES, Loaded
from app.store.datasets import reviewed_rows
from app.store.runs.source import Growing, Reviewing
from app.store.work import instructions
from app.store.work.work_items import Item


def build(
    session: Session, items: Sequence[Item], material: RunMaterial, asking: Asking
) -> list[ItemCall]:
    """Build the requests of claimed items; all rows that they speak of are loaded at once."""
    loaded = _load(session, items, material)
    return [_call(item, material, asking, loaded) for item in items]


def _load(session: Session, items: Sequence[Item], material: RunMaterial) -> Loaded:
    match material.source:
        case Growing():
            needed = {item.ordinal for item in items if STAGES[item.stage].is_about_instruction}
            for item in items:
                shown = item.subject.get("demonstrations", ())
                needed |= {d["position"] for d in shown if d["origin"] == "machine"}
            if not needed:
                return Loaded()
            return Loaded(instructions=instructions.find(session, material.run_id, needed))
        case Reviewing(dataset_id):
            positions = {item.ordinal for item in items}
            return Loaded(rows=reviewed_rows.records_at(session, dataset_id, positions))
        case never:
            assert_never(never)


def _call(item: Item, material: RunMaterial, asking: Asking, loaded: Loaded) -> ItemCall:
    stage = STAGES[item.stage]
    request = stage.build(item, material, asking, loaded)
    limited = Stage.CLASSIFY if item.stage is Stage.CALIBRATE else item.stage
    limit = material.raised_limits.get(limited, 0)
    if limit > request.parameters.max_tokens:
        request = replace(request, parameters=replace(request.parameters, max_tokens=limit))
    return ItemCall(
        item,
        replace(request, extra_body=material.extra_body),
        about=loaded.instructions[item.ordinal] if stage.is_about_instruction else None,
        row=loaded.rows.get(item.ordinal),
    )
