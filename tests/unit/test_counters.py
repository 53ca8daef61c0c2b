"""The counters: the page lists them as they are, and alerts find them before the first event."""

import re
from pathlib import Path

import pytest

from app.counters import COUNTERS, KIND_OF_TABLE, LEASES_RECOVERED, UNBOUNDED_LABEL, CounterSpec
from app.store.tables.runs import Run

ROOT = Path(__file__).resolve().parents[2]
BY_NAME = {f"{spec.name}_total": spec for spec in COUNTERS}
# Of the process that answers, not of the database.
OWN = "seedbed_http_"


def listed() -> dict[str, tuple[list[str], str]]:
    """Return the labels and the description of each counter on the page."""
    page = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(seedbed_\w+)` \| counter \| (.*?) \| (.*) \|$", page, re.MULTILINE)
    return {name: (re.findall(r"`(\w+)`", labels), text) for name, labels, text in rows}


def test_the_page_has_the_labels_and_the_description_of_each() -> None:
    page = {name: row for name, row in listed().items() if not name.startswith(OWN)}
    assert page == {name: (list(spec.labels), spec.help) for name, spec in BY_NAME.items()}


def test_what_is_shown_before_the_first_event_has_a_value_for_each_label() -> None:
    for spec in COUNTERS:
        assert {len(values) for values in spec.from_zero} <= {len(spec.labels)}
        assert len(set(spec.from_zero)) == len(spec.from_zero)


def rises() -> list[tuple[CounterSpec, dict[str, str]]]:
    """Return the counters whose rise is an alert, with the label values that are asked for."""
    alerts = (ROOT / "deploy" / "monitoring" / "alerts.yml").read_text(encoding="utf-8")
    found = re.findall(r"increase\((seedbed_\w+)(?:\{(.*?)\})?\[", alerts)
    return [(BY_NAME[name], dict(re.findall(r'(\w+)=~?"(.*?)"', asked))) for name, asked in found]


def test_the_first_event_of_an_alert_is_a_rise() -> None:
    assert len(rises()) >= 3
    for spec, asked in rises():
        shown = [dict(zip(spec.labels, values, strict=True)) for values in spec.from_zero]
        # An alternative such as provider|defect needs a row for each.
        for label, wanted in asked.items():
            for one in wanted.split("|"):
                assert one in {row[label] for row in shown}, (spec.name, label, one)


@pytest.mark.parametrize(("table", "kind"), KIND_OF_TABLE.items())
def test_the_leases_of_each_table_are_counted_from_zero(table: str, kind: str) -> None:
    assert table in Run.metadata.tables
    assert (kind,) in LEASES_RECOVERED.from_zero


def test_only_a_label_that_users_choose_is_unbounded() -> None:
    assert {spec.name for spec in COUNTERS if UNBOUNDED_LABEL in spec.labels} == {
        "seedbed_calls",
        "seedbed_tokens",
        "seedbed_cost_usd",
    }
