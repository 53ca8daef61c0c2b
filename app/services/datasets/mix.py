"""Making the rows of a version: mix the sources and apply every rule of the recipe, in order."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from app.curation.decontamination import DECONTAMINATION_REASON, Decontamination, Hit
from app.curation.filter import Dropped
from app.curation.mixing import Source, plan_mix
from app.curation.nearness import Nearness
from app.curation.splitting import Groups, Split
from app.dataset_row import DatasetRow, Record
from app.errors import SeedbedError
from app.services.context import ServiceContext
from app.services.datasets.recipe import VersionRecipe
from app.services.datasets.screen import Screening
from app.services.datasets.sources import SourceRow, count_rows, read_records, read_source
from app.services.datasets.write import DatasetWriter, Stopped
from app.store.datasets.dataset_rows import Drop
from app.store.json_columns import MakingFacts, OverlapFact, OverlapHit, SourceFact
from app.store.tables.datasets import Dataset

_CHECK_STOP_EVERY = 500
"""Rows."""
_MAX_HITS = 200
_MAX_CHARACTERS = 300


class RowMaker:
    """Makes the rows of one version.

    Args:
        context: what this process works with.
        writer: holds the version.
        recipe: the rules.
        sources: the sources as they were when the version was requested.
        stop: returns True once this process has been asked to stop.
    """

    def __init__(
        self,
        context: ServiceContext,
        writer: DatasetWriter,
        recipe: VersionRecipe,
        sources: Sequence[SourceFact],
        stop: Callable[[], bool],
    ) -> None:
        self._context = context
        self._writer = writer
        self._recipe = recipe
        self._sources = [fact for fact in sources if "file_sha256" not in fact]
        self._stop = stop
        self._screening = Screening(recipe.filters)
        self._nearness = Nearness(recipe.nearness)
        self._overlap = _TestOverlap(context, recipe)
        self._groups = Groups(threshold=recipe.split.threshold)

    def make(self) -> MakingFacts:
        """Write all rows; return the facts that were found out on the way.

        Raises:
            Stopped: when `stop` returned True.
            SeedbedError: when the rules dropped every row.
        """
        self._writer.clear()
        for dataset_id in self._recipe.nothing_near:
            self._nearness.keep_away_from(
                dataset_id, (record.instruction for record in _records(self._context, dataset_id))
            )
        for number, row_in in enumerate(self._mixed()):
            if number % _CHECK_STOP_EVERY == 0 and self._stop():
                raise Stopped
            self._take(row_in)
        self._writer.flush()
        if not self._writer.row_count:
            raise SeedbedError("No row is left: the rules of the recipe dropped all of them.")
        if self._recipe.split.test_share:
            self._split()
        return {"filters": self._screening.facts(), "test_overlap": self._overlap.facts()}

    def _mixed(self) -> Iterator[SourceRow]:
        with self._context.database.read() as session:
            counts = [count_rows(session, fact) for fact in self._sources]
        mix = plan_mix(
            [Source(n, options) for n, options in zip(counts, self._recipe.sources, strict=True)],
            self._recipe.mix,
        )
        streams = [read_source(self._context, fact) for fact in self._sources]
        return (row_in for _, row_in in mix.rows(streams))

    def _take(self, row_in: SourceRow) -> None:
        """Put one row through all rules; the first that drops it decides."""
        kept = self._screening.screen(row_in.record)
        if isinstance(kept, Drop):
            self._drop(row_in, kept.filter, Dropped(kept.reason, kept.detail))
            return
        row = DatasetRow(
            position=self._writer.row_count,
            record=kept.record,
            origin=row_in.origin,
            changes=kept.changes,
        )
        if repeat := self._nearness.check(row):
            self._drop(row_in, "nearness", repeat.dropped)
        elif hit := self._overlap.check(row):
            self._drop(row_in, DECONTAMINATION_REASON, hit.dropped)
        else:
            self._writer.add(row)
            if self._recipe.split.test_share:
                self._groups.add(row.record.instruction)

    def _drop(self, row_in: SourceRow, rule: str, dropped: Dropped) -> None:
        text = row_in.record.request
        drop = Drop(rule, dropped.reason, dropped.detail, text, row_in.origin)
        self._writer.drop(drop)

    def _split(self) -> None:
        split = Split(self._groups, self._recipe.split)
        positions = range(self._writer.row_count)
        self._writer.assign_to_test([n for n in positions if split.side(n) == "test"])


class _TestOverlap:
    """Compares rows with the test sets, and counts the overlaps."""

    def __init__(self, context: ServiceContext, recipe: VersionRecipe) -> None:
        self._options = recipe.decontamination
        self._items = {
            dataset_id: [record.request for record in _records(context, dataset_id)]
            for dataset_id in recipe.test_sets
        }
        self._decontamination = Decontamination(self._items, self._options) if self._items else None
        self._checked = 0
        self._rows: Counter[str] = Counter()
        self._hits: list[OverlapHit] = []

    def check(self, row: DatasetRow) -> Hit | None:
        """Return the first overlap with a test set, if rows with overlaps are dropped."""
        if self._decontamination is None:
            return None
        self._checked += 1
        hits = self._decontamination.hits(row.record)
        self._rows.update({hit.test_set for hit in hits})
        free = _MAX_HITS - len(self._hits)
        self._hits += [self._hit_fact(row, hit) for hit in hits[:free]]
        return hits[0] if hits and self._options.drop else None

    def _hit_fact(self, row: DatasetRow, hit: Hit) -> OverlapHit:
        return {
            "test_set": hit.test_set,
            "item": hit.item,
            "kind": hit.kind,
            "score": hit.score,
            "words": hit.words,
            "test_text": self._items[hit.test_set][hit.item][:_MAX_CHARACTERS],
            "text": row.record.request[:_MAX_CHARACTERS],
            # A dropped row has no position: the next one takes it.
            "position": None if self._options.drop else row.position,
            "origin": row.origin,
        }

    def facts(self) -> OverlapFact | None:
        """Return the counts and the first overlaps; None when there is no test set."""
        if self._decontamination is None:
            return None
        return {
            "ngram": self._options.words,
            "checked": self._checked,
            "drops": self._options.drop,
            "test_rows": {name: len(items) for name, items in self._items.items()},
            "rows": dict(self._rows),
            "hits": self._hits,
        }


def _records(context: ServiceContext, dataset_id: str) -> Iterator[Record]:
    with context.database.read() as session:
        rows = session.get_one(Dataset, dataset_id).row_count
    return read_records(context, dataset_id, rows)
