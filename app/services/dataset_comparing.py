"""What differs between two versions."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.curation.comparison import ComparisonSummary, RowChange, compare, summarise
from app.record import DatasetRow
from app.services.dataset_sources import read_dataset
from app.services.datasets import ready_dataset
from app.services.workshop import Workshop
from app.store.dataset_table import Dataset


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions, compared."""

    old: Dataset
    new: Dataset
    summary: ComparisonSummary
    changes: list[RowChange]
    """The first of them: what was added or changed in the order of the new version, then what was
    removed in the order of the old one."""


class _Rows:
    """The rows of a version, as often as they are asked for."""

    def __init__(self, workshop: Workshop, dataset: Dataset) -> None:
        self._workshop = workshop
        self._dataset = dataset

    def __iter__(self) -> Iterator[DatasetRow]:
        return read_dataset(self._workshop, self._dataset.id, self._dataset.row_count)


def compare_datasets(workshop: Workshop, old_id: str, new_id: str, most: int) -> Comparison:
    """Compare two versions; `most` differences are told, all are counted.

    Raises:
        NotFound: when there is no such data set.
        Conflict: when one of them is not ready.
    """
    old, new = ready_dataset(workshop, old_id), ready_dataset(workshop, new_id)
    told: list[RowChange] = []

    def noted() -> Iterator[RowChange]:
        for change in compare(_Rows(workshop, old), _Rows(workshop, new)):
            if len(told) < most:
                told.append(change)
            yield change

    summary = summarise(noted(), old_rows=old.row_count, new_rows=new.row_count)
    return Comparison(old, new, summary, told)
