"""Filters inside a run: rows that break a rule are rejected before they are kept."""

from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy.orm import Session

from app.curation.filter import Dropped, Filter, screen
from app.curation.options import FilterOptions
from app.curation.table import FILTERS, chosen
from app.dataset_row import Record
from app.errors import Fault, InvalidInput
from app.pipeline.options import RunOptions
from app.pipeline.types import Instance, ReadInstances, Rejected
from app.states import DatasetState
from app.store.tables.datasets import Dataset

DEFAULT = "default"
"""Stands for the filters that data sets use by default."""
NONE = "none"
"""Stands for no filter, in place of those of the profile."""


def check_rules(session: Session, options: RunOptions) -> None:
    """Check that a run's filters and the data sets in `nothing_near` exist.

    Raises:
        InvalidInput: when one does not exist; it names each.
    """
    known = {rule.name for rule in FILTERS} | {DEFAULT, NONE}
    faults = [
        Fault(f"there is no filter {name!r}; there are: {', '.join(sorted(known))}", field=field)
        for n, name in enumerate(options.filters or ())
        if name not in known and (field := f"options.filters[{n}]")
    ]
    for n, dataset_id in enumerate(options.nothing_near):
        found = session.get(Dataset, dataset_id)
        if found is None or found.state != DatasetState.READY:
            field = f"options.nothing_near[{n}]"
            faults.append(Fault(f"there is no data set {dataset_id!r} that is ready", field=field))
    if faults:
        raise InvalidInput("The run cannot be started like this.", faults)


@lru_cache(maxsize=64)
def _rules(names: tuple[str, ...]) -> Sequence[Filter]:
    # By name: a filter with thresholds is made anew for each set of options.
    by_default = {rule.name for rule in chosen(FilterOptions())} if DEFAULT in names else set()
    return tuple(rule for rule in FILTERS if rule.name in {*names, *by_default})


def screened(instruction: str, read: ReadInstances, names: tuple[str, ...]) -> ReadInstances:
    """Apply a run's filters to the instances of a reply, in order."""
    if not names:
        return read
    kept: list[Instance] = []
    rejected = list(read.rejected)
    for instance in read.kept:
        record = Record(instruction, instance.output, instance.input)
        answer = screen(record, _rules(names))
        if isinstance(answer, Dropped):
            rejected.append(Rejected(f"{record.request}\n\n{record.output}", answer.reason))
        else:
            kept.append(Instance(answer.record.input, answer.record.output))
    return ReadInstances(tuple(kept), tuple(rejected))
