"""Comparison of two versions of a data set."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.curation.comparison import ComparisonSummary, RowChange, compare, summarise
from app.dataset_row import DatasetRow
from app.services.context import ServiceContext
from app.services.datasets.lists import ready_dataset
from app.services.datasets.sources import read_dataset
from app.store.tables.datasets import Dataset


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions and their differences."""

    old: Dataset
    new: Dataset
    summary: ComparisonSummary
    changes: list[RowChange]
    """The first differences: rows added or changed, in the order of the new version, then rows
    removed, in the order of the old one."""


class _Rows:
    """The rows of a version, read again at each iteration."""

    def __init__(self, context: ServiceContext, dataset: Dataset) -> None:
        self._context = context
        self._dataset = dataset

    def __iter__(self) -> Iterator[DatasetRow]:
        return read_dataset(self._context, self._dataset.id, self._dataset.row_count)


def compare_datasets(context: ServiceContext, old_id: str, new_id: str, limit: int) -> Comparison:
    """Compare two versions; all differences are counted, the first `limit` are returned.

    Raises:
        NotFound: when there is no such data set.
        Conflict: when one of them is not ready.
    """
    old, new = ready_dataset(context, old_id), ready_dataset(context, new_id)
    reported: list[RowChange] = []

    def collected() -> Iterator[RowChange]:
        for change in compare(_Rows(context, old), _Rows(context, new)):
            if len(reported) < limit:
                reported.append(change)
            yield change

    summary = summarise(collected(), old_rows=old.row_count, new_rows=new.row_count)
    return Comparison(old, new, summary, reported)
