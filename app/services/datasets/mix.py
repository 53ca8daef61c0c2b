"""Rows of the sources through every rule of a recipe, in order, into a version."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from app.curation.decontamination import DECONTAMINATION_REASON, Decontamination, Hit
from app.curation.filter import Dropped
from app.curation.mixing import Source, plan_mix
from app.curation.nearness import Nearness
from app.curation.splitting import Groups, Split
from app.errors import SeedbedError
from app.record import DatasetRow, Record
from app.services.context import ServiceContext
from app.services.datasets.recipe import VersionRecipe
from app.services.datasets.screen import Screening
from app.services.datasets.sources import Offered, count_rows, read_records, read_source
from app.services.datasets.write import DatasetWriter, Stopped
from app.store.datasets.dataset_rows import Drop
from app.store.json_columns import MakingFacts, OverlapFact, OverlapHit, SourceFact
from app.store.tables.datasets import Dataset

_LOOK_EVERY = 500
_SHOWN_HITS = 200
_SHOWN_CHARACTERS = 300


class Making:
    """Makes the rows of one version.

    Args:
        context: what this process works with.
        writer: holds the version.
        recipe: what is done.
        sources: the facts of the sources, as they were pinned down.
        stop: whether this process has been asked to end.
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
        """Write all rows; what was found out on the way, as facts of the version.

        Raises:
            Stopped: this process was asked to end.
            SeedbedError: no row is left.
        """
        self._writer.clear()
        for dataset_id in self._recipe.nothing_near:
            self._nearness.keep_away_from(
                dataset_id, (record.instruction for record in _records(self._context, dataset_id))
            )
        for number, offered in enumerate(self._mixed()):
            if number % _LOOK_EVERY == 0 and self._stop():
                raise Stopped
            self._take(offered)
        self._writer.flush()
        if not self._writer.row_count:
            raise SeedbedError("No row is left: the rules of the recipe dropped all of them.")
        if self._recipe.split.test_share:
            self._part()
        return {"filters": self._screening.facts(), "test_overlap": self._overlap.facts()}

    def _mixed(self) -> Iterator[Offered]:
        with self._context.database.read() as session:
            counts = [count_rows(session, fact) for fact in self._sources]
        mix = plan_mix(
            [Source(n, options) for n, options in zip(counts, self._recipe.sources, strict=True)],
            self._recipe.mix,
        )
        streams = [read_source(self._context, fact) for fact in self._sources]
        return (offered for _, offered in mix.rows(streams))

    def _take(self, offered: Offered) -> None:
        """Put one row through all rules; the first that drops it decides."""
        kept = self._screening.screen(offered.record)
        if isinstance(kept, Drop):
            self._drop(offered, kept.filter, Dropped(kept.reason, kept.detail))
            return
        row = DatasetRow(
            position=self._writer.row_count,
            record=kept.record,
            is_classification=offered.is_classification,
            origin=offered.origin,
            changes=kept.changes,
        )
        if repeat := self._nearness.check(row):
            self._drop(offered, "nearness", repeat.dropped)
        elif hit := self._overlap.check(row):
            self._drop(offered, DECONTAMINATION_REASON, hit.dropped)
        else:
            self._writer.add(row)
            if self._recipe.split.test_share:
                self._groups.add(row.record.instruction)

    def _drop(self, offered: Offered, rule: str, dropped: Dropped) -> None:
        text = offered.record.request
        drop = Drop(rule, dropped.reason, dropped.detail, text, offered.origin)
        self._writer.drop(drop)

    def _part(self) -> None:
        parted = Split(self._groups, self._recipe.split)
        positions = range(self._writer.row_count)
        self._writer.to_test([n for n in positions if parted.side(n) == "test"])


class _TestOverlap:
    """Holds rows against the test sets, and counts."""

    def __init__(self, context: ServiceContext, recipe: VersionRecipe) -> None:
        self._options = recipe.decontamination
        self._items = {
            dataset_id: [record.request for record in _records(context, dataset_id)]
            for dataset_id in recipe.test_sets
        }
        self._against = Decontamination(self._items, self._options) if self._items else None
        self._checked = 0
        self._rows: Counter[str] = Counter()
        self._shown: list[OverlapHit] = []

    def check(self, row: DatasetRow) -> Hit | None:
        """What it has in common with a test set, if that is a reason to drop it."""
        if self._against is None:
            return None
        self._checked += 1
        hits = self._against.hits(row.record)
        self._rows.update({hit.test_set for hit in hits})
        room = _SHOWN_HITS - len(self._shown)
        self._shown += [self._told(row, hit) for hit in hits[:room]]
        return hits[0] if hits and self._options.drop else None

    def _told(self, row: DatasetRow, hit: Hit) -> OverlapHit:
        return {
            "test_set": hit.test_set,
            "item": hit.item,
            "kind": hit.kind,
            "score": hit.score,
            "words": hit.words,
            "test_text": self._items[hit.test_set][hit.item][:_SHOWN_CHARACTERS],
            "text": row.record.request[:_SHOWN_CHARACTERS],
            # A dropped row has no position: the next one takes it.
            "position": None if self._options.drop else row.position,
            "origin": row.origin,
        }

    def facts(self) -> OverlapFact | None:
        """What was found; None: there was nothing to be held against."""
        if self._against is None:
            return None
        return {
            "ngram": self._options.words,
            "checked": self._checked,
            "drops": self._options.drop,
            "test_rows": {name: len(items) for name, items in self._items.items()},
            "rows": dict(self._rows),
            "hits": self._shown,
        }


def _records(context: ServiceContext, dataset_id: str) -> Iterator[Record]:
    with context.database.read() as session:
        rows = session.get_one(Dataset, dataset_id).row_count
    return read_records(context, dataset_id, rows)
