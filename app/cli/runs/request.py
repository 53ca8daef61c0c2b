"""A run as the user asks for it: checked, started, or found again and continued."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from app.cli.files import checked_target, read_file
from app.cli.service.find_service import Service
from app.errors import InvalidInput, faults_from
from app.pipeline.options import RunOptions
from app.pipeline.seed_tasks import read_seed_file
from app.schemas.runs import RunView
from app.states import Status

_UNFINISHED = (Status.RUNNING, Status.QUEUED, Status.PAUSED)
"""Statuses of a run that the same command continues."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run to grow from seeds, checked as far as possible without a service."""

    seeds: bytes
    """A file of seed tasks."""
    name: str
    options: Mapping[str, object]
    """Only the options that were given; the service has the defaults."""
    out: Path
    budget: Mapping[str, object] = field(default_factory=dict)
    """The limits that were given."""
    training: Mapping[str, object] | None = None
    """Options of the training job that follows the run; None: no job follows."""
    notes: tuple[str, ...] = ()
    """Assumptions made when the seeds were read."""


def checked_request(seeds: Path, options: Mapping[str, object], out: Path) -> RunRequest:
    """Check seeds, options and the file for the data set.

    Raises:
        InvalidInput: with every fault found in the seeds, or in the options.
    """
    given = checked_options(options)
    data = read_file(seeds)
    notes = read_seed_file(data).notes
    return RunRequest(data, seeds.stem, given, checked_target(out), notes=notes)


def checked_options(options: Mapping[str, object]) -> Mapping[str, object]:
    """Return the options that were given (not None).

    Raises:
        InvalidInput: with every fault found in them.
    """
    given = {name: value for name, value in options.items() if value is not None}
    try:
        RunOptions.model_validate(given)
    except ValidationError as error:
        raise InvalidInput("Invalid options:", faults_from(error.errors())) from None
    return given


def continue_run(service: Service, run: RunView, budget: Mapping[str, object]) -> RunView:
    """Continue an unfinished run, with a new budget when one is given."""
    if budget:
        run = service.client.act(run.id, "extend", {"budget": budget})
    if run.status == "paused":
        return service.client.act(run.id, "resume")
    return run


def unfinished_run(
    service: Service, source: Mapping[str, str], options: Mapping[str, object]
) -> RunView | None:
    """Return a run of this source with these options that has not ended."""
    for status in _UNFINISHED:
        for run in service.client.runs(**source, status=status):
            if is_same_request(run, options, service.model):
                return run
    return None


def is_same_request(run: RunView, options: Mapping[str, object], model: str | None) -> bool:
    """Return True when `run` has these options; those not given count as the defaults.

    Args:
        run: a stored run.
        options: the options that were given.
        model: default model of the service; None when that is not known.
    """
    ours = RunOptions.model_validate(options)
    asked_model = ours.model or model
    return run.options == ours and (asked_model is None or run.model == asked_model)
