"""Changes to a run that is resumed: another model, sampling, format, and what else may change.

The rows that are there stay as they are. An event keeps what was changed, and each stored reply the
parameters and the model that it was asked with.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, JsonValue, ValidationError
from sqlalchemy.orm import Session

from app.errors import Conflict, Fault, InvalidInput, fault_message, field_path
from app.pipeline.options import ASKED_ALIKE, CHANGEABLE, RunOptions
from app.services.context import ServiceContext
from app.services.generation.work.accounting import caps_of
from app.services.runs.run_request import check_caps, model_of
from app.store.runs import runs
from app.store.tables.runs import Run
from app.store.work import batches

Changes = Mapping[str, JsonValue]
"""Options by name, as JSON; a group, such as `sampling`, may hold only the values that change."""


def apply(context: ServiceContext, session: Session, run: Run, changes: Changes) -> bool:
    """Change the options of a run whose row the caller holds, and append the event.

    Args:
        context: has the default model and the prices.
        session: a transaction that writes.
        run: the run, which is not at work.
        changes: the options to change.

    Returns:
        True when something changed; repeating it changes nothing.

    Raises:
        InvalidInput: an option is unknown, not valid, or can't change after the start.
        Conflict: calls with the present options are at the provider, in a batch.
    """
    before, after = _options(run), changed_options(run, changes)
    model = model_of(context, after) if after.model != before.model else run.model
    found = dict(_differences(before.model_dump(mode="json"), after.model_dump(mode="json")))
    if model != run.model:
        found["model"] = {"from": run.model, "to": model}
    if not found:
        return False
    if batches.any_open(session, run.id):
        raise Conflict(
            "Calls of the run are at the provider in a batch, with the present options. Resume it"
            " without changes until the batch has ended, then pause it and change it."
        )
    check_caps(context, model, caps_of(run))
    run.options, run.model = after.model_dump(mode="json"), model
    if any(path.partition(".")[0] not in ASKED_ALIKE for path in found):
        # What the endpoint can do is asked again, before the first call.
        run.capabilities = None
    runs.add_event(session, run.id, "changed", {"options": found})
    return True


def differ(run: Run, changes: Changes) -> bool:
    """Return True when these changes would change the run.

    Raises:
        InvalidInput: as `apply` does.
    """
    return changed_options(run, changes) != _options(run)


def changed_options(run: Run, changes: Changes) -> RunOptions:
    """Return the options of a run with some changes.

    Raises:
        InvalidInput: an option is unknown, not valid, or can't change after the start.
    """
    try:
        options = RunOptions.model_validate(_merged(run.options, changes))
    except ValidationError as error:
        faults = [
            Fault(fault_message(each), field=_path(field_path(each["loc"])))
            for each in error.errors()
        ]
        raise InvalidInput("Invalid options.", faults) from None
    present = _options(run)
    fixed = [
        Fault("can't change after the start; start another run with it", field=f"options.{name}")
        for name in changes
        if name not in CHANGEABLE and getattr(options, name) != getattr(present, name)
    ]
    if fixed:
        allowed = ", ".join(CHANGEABLE)
        raise InvalidInput(f"A run can change only some of its options: {allowed}.", fixed)
    return options


def _options(run: Run) -> RunOptions:
    return RunOptions.model_validate(run.options)


def _path(field: str | None) -> str:
    return "options" if field is None else f"options.{field}"


def _merged(below: Mapping[str, Any], above: Changes) -> dict[str, Any]:
    """Return the options with the changes; a group of options is merged, all else replaced."""
    merged = {**below, **above}
    for name, value in above.items():
        field = RunOptions.model_fields.get(name)
        if field is not None and isinstance(field.default, BaseModel):
            merged[name] = _deeply_merged(below.get(name), value)
    return merged


def _deeply_merged(below: object, above: object) -> object:
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return above
    changed = {name: _deeply_merged(below.get(name), value) for name, value in above.items()}
    return {**below, **changed}


def _differences(
    before: Mapping[str, Any], after: Mapping[str, Any], path: str = ""
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the path of each option that differs, with both values."""
    for name, new in after.items():
        old, here = before.get(name), f"{path}{name}"
        if isinstance(old, Mapping) and isinstance(new, Mapping) and old.keys() == new.keys():
            yield from _differences(old, new, f"{here}.")
        elif old != new:
            yield here, {"from": old, "to": new}
