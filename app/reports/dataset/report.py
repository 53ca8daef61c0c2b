"""The HTML report of a data set."""

from collections.abc import Iterable

from app.dataset_row import DatasetRow
from app.reports.dataset.facts import CardFacts
from app.reports.dataset.origins import (
    cost_section,
    examples,
    files_section,
    headlines,
    sources_section,
)
from app.reports.dataset.plots import plots
from app.reports.dataset.sections import sections
from app.reports.page import render


def html_report(facts: CardFacts, rows: Iterable[DatasetRow] = ()) -> str:
    """Return the report as HTML; the same facts give the same bytes.

    Args:
        facts: What is known about the data set.
        rows: Example rows; the first 20 are shown.
    """
    drawn = plots(facts)
    last = (cost_section(facts), sources_section(facts), files_section(facts))
    parts = [*sections(facts, drawn), *(part for part in last if part is not None)]
    return render(
        "report.html",
        facts=facts,
        headlines=headlines(facts),
        sections=[part for part in parts if part.plot or part.table],
        silent=[part for part in parts if not (part.plot or part.table)],
        examples=examples(rows),
    )
