"""Whole drawings, reports and cards, byte for byte, as files in ``golden/``.

After a wanted change, renew the files and look at their difference:

    SEEDBED_RENEW_GOLDEN=1 pytest tests/unit/reports/test_golden.py

A renewing run fails for every file it changed, so that none passes by renewing. The geometry that
the numbers ask for is checked in ``drawings/``. Here any other change is seen.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from app.evaluation.metrics import Estimate
from app.reports.dataset.card import dataset_card
from app.reports.dataset.plots import plots
from app.reports.dataset.report import html_report
from app.reports.drawings.bars import Bar, bar_chart, grouped_bar_chart, histogram
from app.reports.drawings.interval_bars import interval_chart
from app.reports.drawings.lines import Line, line_chart
from app.reports.drawings.sunburst import Sector, sunburst
from app.reports.drawings.svg import Caption
from app.reports.evaluation.plots import evaluation_plots
from app.reports.evaluation.report import evaluation_report
from tests.golden import RENEW
from tests.unit.evaluation.making import alone, full
from tests.unit.reports.making import facts_of, garden, rows_of_garden

GOLDEN = Path(__file__).parent / "golden"

CAPTION = Caption("a-plot", "A plot of <this> & that", "It shows something.")
BARS = [Bar("near_duplicate", 120, series=1), Bar("数据集 " * 12, 30.5), Bar("none", 0, "0 (0 %)")]
COLUMNS = [Bar(f"{place} to {place + 1}", place * place) for place in range(10)]
ESTIMATES = {
    "exact match": [Estimate(value=0.1, low=0.05, high=0.2), Estimate(value=0.9, low=0.8, high=1)],
    "ROUGE-L F": [Estimate(value=0.0), Estimate(value=1.0, low=0.99, high=1.0)],
}
SECTORS = [Sector("write", 9, [("poem", 4), ("song", 2)]), Sector("name", 2, [("tree", 2)])]
STEPS = [(float(step), 3 / (step + 1)) for step in range(30)]

KINDS: dict[str, Callable[[], str]] = {
    "bars": lambda: bar_chart(CAPTION, BARS, ["one", "two"]),
    "histogram": lambda: histogram(CAPTION, COLUMNS, "years"),
    "grouped": lambda: grouped_bar_chart(
        CAPTION, ["A", "B", "C"], {"one": BARS, "two": COLUMNS[4:7]}, "level"
    ),
    "line": lambda: line_chart(CAPTION, [Line("loss", STEPS)], "step", written="{:.3g}".format),
    "lines": lambda: line_chart(
        CAPTION, [Line("a", STEPS), Line("b", STEPS[::3])], "layer", [f"{n}" for n in range(30)]
    ),
    "intervals": lambda: interval_chart(CAPTION, ["base", "tuned"], ESTIMATES),
    "sunburst": lambda: sunburst(CAPTION, SECTORS),
    "empty": lambda: bar_chart(CAPTION, []),
}


def _drawings() -> dict[str, str]:
    drawn = {f"kind-{name}": draw() for name, draw in KINDS.items()}
    drawn |= {f"dataset-{name}": svg for name, svg in plots(garden()).items()}
    drawn |= {f"evaluation-{name}": svg for name, svg in evaluation_plots(full()).items()}
    # One element a line, so that a difference can be read.
    return {f"{name}.svg": svg.replace("><", ">\n<") for name, svg in drawn.items()}


def _without_style_and_script(page: str) -> str:
    """Return a page without what all pages share, and without the plots that are files above."""
    for tag in ("style", "script", "svg"):
        page = re.sub(rf"<{tag}[^>]*>.*?</{tag}>", f"<{tag}/>", page, flags=re.DOTALL)
    return page


def _documents() -> dict[str, str]:
    empty = facts_of([])
    pages = {
        "dataset-report": html_report(garden(), rows_of_garden()),
        "dataset-report-empty": html_report(empty),
        "evaluation-report": evaluation_report(full()),
        "evaluation-report-alone": evaluation_report(alone()),
    }
    documents = {f"{name}.html": _without_style_and_script(page) for name, page in pages.items()}
    return documents | {
        "dataset-card.md": dataset_card(garden()), "dataset-card-empty.md": dataset_card(empty)
    }  # fmt: skip


def test_drawings_reports_and_cards_are_their_golden_files_byte_for_byte() -> None:
    drawn = _drawings() | _documents()
    stored = {path.name: path.read_bytes() for path in GOLDEN.iterdir()}
    changed = sorted(
        name for name in drawn.keys() | stored
        if stored.get(name) != drawn.get(name, "").encode()
    )  # fmt: skip
    if not RENEW:
        assert changed == []
        return
    for name in changed:
        if name in drawn:
            (GOLDEN / name).write_bytes(drawn[name].encode())
        else:
            (GOLDEN / name).unlink()
    if changed:
        pytest.fail(f"renewed: {', '.join(changed)}; read the difference, then run again")
