"""Reports on a version: its HTML report, its card and its plots, from the stored facts."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from app.dataset_row import DatasetRow
from app.reports.dataset.card import dataset_card
from app.reports.dataset.facts import (
    CardFacts,
    DecontaminationFacts,
    FileFacts,
    FilterFacts,
    HitFacts,
    SourceFacts,
)
from app.reports.dataset.plots import plots
from app.reports.dataset.report import html_report
from app.services.context import ServiceContext
from app.services.datasets.lists import ready_dataset
from app.services.datasets.sources import all_sources
from app.statistics.run_facts import RunFacts
from app.statistics.schema import Statistics
from app.store.datasets import dataset_rows, versions
from app.store.json_columns import Facts, OverlapFact, OverlapHit, SourceFact
from app.store.tables.datasets import Dataset, DatasetFile

_EXAMPLES = 12


@dataclass(frozen=True, slots=True)
class VersionDetails:
    """Everything that is stored about a version."""

    dataset: Dataset
    facts: Facts
    statistics: Statistics
    files: Sequence[DatasetFile]


def version_details(context: ServiceContext, dataset_id: str) -> VersionDetails:
    """Load everything that is stored about a version.

    Raises:
        NotFound: when there is no such data set.
        Conflict: when it is not ready.
    """
    ready_dataset(context, dataset_id)
    with context.database.read() as session:
        dataset = session.get_one(Dataset, dataset_id)
        return VersionDetails(
            dataset,
            dataset.facts,
            Statistics.model_validate(dataset.statistics),
            versions.files_of(session, dataset_id),
        )


def report(context: ServiceContext, dataset_id: str) -> str:
    """Return the HTML report, which opens offline."""
    found = version_details(context, dataset_id)
    return html_report(card_facts(found), _examples(context, found.dataset))


def card(context: ServiceContext, dataset_id: str) -> str:
    """Return the card in Markdown, as the hub shows it."""
    return dataset_card(card_facts(version_details(context, dataset_id)))


def plots_of(context: ServiceContext, dataset_id: str) -> dict[str, str]:
    """Return the plots as SVG, by name; plots without data are left out."""
    return plots(card_facts(version_details(context, dataset_id)))


def _examples(context: ServiceContext, dataset: Dataset) -> Iterable[DatasetRow]:
    """Return some rows from all over the version, always the same ones."""
    step = max(1, dataset.row_count // _EXAMPLES)
    for start in islice(range(0, dataset.row_count, step), _EXAMPLES):
        with context.database.read() as session:
            yield from list(dataset_rows.rows_between(session, dataset.id, start, start + 1))


def card_facts(found: VersionDetails) -> CardFacts:
    """Convert the stored facts into the form that report and card take."""
    dataset, facts = found.dataset, found.facts
    return CardFacts(
        name=dataset.name,
        version=dataset.version,
        created_at=dataset.created_at.isoformat(timespec="seconds"),
        licence=dataset.recipe.get("licence"),
        sources=tuple(
            source for fact in all_sources(facts["sources"]) for source in _sources(fact)
        ),
        recipe=json.dumps(dataset.recipe, ensure_ascii=False, indent=2, sort_keys=True),
        statistics=found.statistics,
        runs=tuple(RunFacts.model_validate(_without_computed(run)) for run in facts["runs"]),
        filters=_filters(facts),
        decontamination=_decontamination(facts),
        files=tuple(_file(file) for file in found.files),
    )


def _without_computed(run: dict[str, Any]) -> dict[str, Any]:
    # A computed field cannot be read back.
    return {name: value for name, value in run.items() if name != "cost_per_row_usd"}


def _sources(fact: SourceFact) -> Iterable[SourceFacts]:
    if "run_id" in fact:
        note = f"profile {fact['profile']}, model {fact['model']}"
        yield SourceFacts(kind="run", name=fact["run_id"], note=note)
        if seeds := fact.get("seed_set"):
            yield SourceFacts(
                kind="seed_set", name=seeds["name"], rows=seeds["tasks"], licence=seeds["licence"]
            )
    elif "dataset_id" in fact:
        name = f"{fact['name']} version {fact['version']}"
        yield SourceFacts(
            kind="import",
            name=name,
            rows=fact["rows"],
            licence=fact["licence"],
            note=fact["source"] or "",
        )
    else:
        yield SourceFacts(
            kind="import",
            name=fact["source"] or f"file {fact['file_sha256'][:12]}",
            licence=fact["licence"],
            note=f"format {fact['format']}, SHA-256 {fact['file_sha256']}",
        )


def _filters(facts: Facts) -> tuple[FilterFacts, ...]:
    filters = [FilterFacts.model_validate(one) for one in facts.get("filters", ())]
    names = {one.name for one in filters}
    # The rules on more than one row come after the filters, and only drop.
    rest = {rule: counts for rule, counts in facts["dropped"].items() if rule not in names}
    reached = filters[-1].looked_at - sum(filters[-1].dropped.values()) if filters else 0
    others = [
        FilterFacts(name=rule, looked_at=max(reached, sum(counts.values())), dropped=counts)
        for rule, counts in rest.items()
    ]
    return (*filters, *others)


def _decontamination(facts: Facts) -> tuple[DecontaminationFacts, ...]:
    overlap = facts.get("test_overlap")
    if overlap is None:
        return ()
    return tuple(_decontamination_of(overlap, name) for name in overlap["test_rows"])


def _decontamination_of(overlap: OverlapFact, name: str) -> DecontaminationFacts:
    rows = overlap["rows"].get(name, 0)
    hits = [hit for hit in overlap["hits"] if hit["test_set"] == name]
    return DecontaminationFacts(
        test_set=name,
        test_rows=overlap["test_rows"][name],
        methods=(f"{overlap['ngram']}-gram", "rouge_l"),
        checked=overlap["checked"],
        hits=rows,
        dropped=rows if overlap["drops"] else 0,
        examples=tuple(_hit(hit) for hit in hits[:_EXAMPLES]),
    )


def _hit(hit: OverlapHit) -> HitFacts:
    return HitFacts(
        position=hit["position"],
        text=hit["text"],
        test_text=hit["test_text"],
        method=hit["kind"],
        score=hit["score"],
    )


def _file(file: DatasetFile) -> FileFacts:
    split, format_name, *_ = file.name.split(".")
    return FileFacts(
        path=file.name,
        format=format_name,
        split=None if split == "all" else split,
        rows=file.row_count,
        size_bytes=file.size_bytes,
        sha256=file.sha256,
    )
