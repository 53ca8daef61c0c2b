"""Last pass over a version whose rows are written: its hash, statistics and facts."""

from collections.abc import Callable, Sequence

from app.services.context import ServiceContext
from app.services.datasets.facts import run_facts
from app.services.datasets.sources import all_sources
from app.services.datasets.write import ContentHash, DatasetWriter, Stopped
from app.similarity import SimilarityIndex
from app.states import DatasetState
from app.statistics.collector import StatisticsCollector
from app.statistics.verbs import finder_of
from app.store.datasets import dataset_rows
from app.store.json_columns import Facts, SourceFact
from app.store.runs import seed_sets

_CHECK_STOP_EVERY = 1_000
"""Rows."""
_MAX_PARSED = 50_000
"""About this many instructions, at most twice as many, are given to a slow finder: some minutes'
work."""


def finish(
    context: ServiceContext,
    writer: DatasetWriter,
    facts: Facts,
    stop: Callable[[], bool],
) -> None:
    """Read the rows once more, store all that is known of them, and make the version ready.

    Args:
        context: what this process works with.
        writer: holds the version.
        facts: the sources, and what was found out while the rows were made.
        stop: returns True once this process has been asked to stop.

    Raises:
        Stopped: when `stop` returned True.
    """
    finder = finder_of(context.parser_model)
    every = max(1, writer.row_count // _MAX_PARSED) if finder.is_slow else 1
    content, collector = ContentHash(), StatisticsCollector(finder, every)
    nearest = _seed_similarity(context, facts["sources"])
    for number, row in enumerate(writer.read()):
        if number % _CHECK_STOP_EVERY == 0 and stop():
            raise Stopped
        content.add(row)
        collector.add(row, nearest(row.record.instruction))
    writer.end(
        DatasetState.READY,
        content_sha256=content.hexdigest(),
        statistics=collector.statistics().model_dump(mode="json"),
        facts=_final_facts(context, writer.dataset_id, facts),
        message=None,
    )


def _seed_similarity(
    context: ServiceContext, sources: Sequence[SourceFact]
) -> Callable[[str], float | None]:
    """Return a function that scores how near a text is to the seeds of the runs.

    Without seeds it returns None for each text.
    """
    grown = [fact for fact in all_sources(sources) if "run_id" in fact and "seed_set" in fact]
    ids = list(dict.fromkeys(fact["seed_set"]["id"] for fact in grown))
    if not ids:
        return lambda _: None
    with context.database.read() as session:
        texts = [task.instruction for id_ in ids for task in seed_sets.tasks_of(session, id_)]
    index = SimilarityIndex()
    index.extend(texts)

    def score(text: str) -> float:
        nearest = index.most_similar(text, 1)
        return nearest[0].score if nearest else 0.0

    return score


def _final_facts(context: ServiceContext, dataset_id: str, facts: Facts) -> Facts:
    runs = run_facts(context, facts["sources"])
    with context.database.read() as session:
        dropped: dict[str, dict[str, int]] = {}
        for rule, reason, n in dataset_rows.drop_counts(session, dataset_id):
            dropped.setdefault(rule, {})[reason] = n
    dumped = [run.model_dump(mode="json") for run in runs]
    return {**facts, "runs": dumped, "dropped": dropped}
