"""The HTML report: whole, offline, true to the statistics, and deaf to hostile texts."""

import base64
import hashlib
import re

import pytest

from app.dataset_row import DatasetRow, Record
from app.reports.dataset.facts import DecontaminationFacts, HitFacts
from app.reports.dataset.report import html_report
from app.reports.wording import number
from app.statistics.rules import VerbNoun
from tests.unit.reports.making import (
    HOSTILE,
    FixedFinder,
    facts_of,
    garden,
    hostile,
    rows_of_garden,
    run,
)
from tests.unit.reports.reading import Page


def test_the_table_beside_the_paper_has_the_statistics_numbers() -> None:
    facts = garden()
    statistics = facts.statistics
    table = {row[0]: row[1:] for row in Page(html_report(facts)).tables["paper"]}
    assert table["distinct instructions"] == ["52,445", "52,002", number(statistics.instructions)]
    assert table["instances (rows)"] == ["82,439", "52,002", number(statistics.rows)]
    assert table["instances with empty input"] == ["35,878", "31,323", str(statistics.empty_input)]
    assert table["mean words of an output"][2] == f"{statistics.output_words.mean:.1f}"
    assert table["instructions with verb and noun"] == ["26,559", "–", str(statistics.verbs.found)]  # noqa: RUF001
    assert table["cost of model calls"] == ["about $600", "under $500", "$1.75"]


def test_every_section_s_table_has_the_facts_numbers() -> None:
    facts = garden()
    tables = Page(html_report(facts)).tables
    verbs = facts.statistics.verbs.verbs
    assert [row[:2] for row in tables["verbs"][1:]] == [[v.verb, str(v.count)] for v in verbs]
    labels = facts.statistics.labels
    assert [row[1] for row in tables["label-balance"][1:]] == [
        str(each.within.instructions)
        for each in (labels.output_first, labels.input_first, labels.all_rows)
    ]
    assert tables["labels"][1][:2] == [labels.all_rows.whole.top[0].text, "30"]
    assert ["generate", "near_duplicate", "100"] in tables["rejections"]
    assert ["judge", "undecided", "no answer", "4"] in tables["filters"]
    assert ["output_rules", "dropped", "refusal", "3"] in tables["filters"]
    assert tables["splits"][1:] == [["train", "41", "91.1 %"], ["test", "4", "8.9 %"]]
    assert tables["decontamination"][1] == ["exam.jsonl", "rouge_l", "0.81", "a b c", "a b d"]
    assert tables["acceptance"][1] == ["run_01", "80", "20", "25.0 %", "60"]
    assert tables["cost"][1][-2:] == ["$1.50", "$0.0375"]
    assert ["seed set", "seeds_01", "12", "apache-2.0", ""] in tables["sources"]
    assert [row[1] for row in tables["lengths"][1:]] == ["13", "40", "45"]


def test_the_page_asks_nothing_of_anybody() -> None:
    page = html_report(garden(), rows_of_garden())
    parsed = Page(page)
    assert not {"link", "img", "iframe", "base", "object", "embed", "form"} & set(parsed.tags)
    addresses = [v for name, v in parsed.attributes if name in {"src", "href", "xlink:href"}]
    assert all((address or "").startswith("#s-") for address in addresses)
    assert {address.removeprefix("#") for address in addresses if address} <= set(parsed.ids)
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", page)


def test_only_its_own_script_may_run() -> None:
    page = html_report(garden())
    parsed = Page(page)
    (policy,) = [v for _, v in parsed.attributes if v and v.startswith("default-src")]
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; ")
    assert f"script-src 'sha256-{digest}'" in policy


def test_ids_are_unique_on_the_page() -> None:
    ids = Page(html_report(garden(), rows_of_garden())).ids
    assert len(ids) == len(set(ids)) > 20


def test_the_same_facts_make_the_same_bytes() -> None:
    assert html_report(garden(), rows_of_garden()) == html_report(garden(), rows_of_garden())


def test_an_empty_data_set_says_what_there_is_not() -> None:
    page = Page(html_report(facts_of([])))
    assert "svg" not in page.tags
    assert "There are no rows." in page.text
    assert "No filters were used." in page.text
    assert "not checked against any test set" in page.text
    assert "None" not in page.text
    assert page.tables["paper"][1][3] == "0"


def test_one_row_is_enough() -> None:
    row = DatasetRow(0, Record("Name a tree.", "Oak."))
    page = Page(html_report(facts_of([row], FixedFinder(VerbNoun("name", "tree"))), [row]))
    assert page.tables["verbs"][1] == ["name", "1", "tree (1)"]
    assert "Oak." in page.text
    assert "nan" not in page.text


def test_an_unknown_cost_is_reported_as_unknown() -> None:
    facts = facts_of(rows_of_garden(), runs=(run("run_01", cost_usd=None), run("run_02")))
    page = Page(html_report(facts))
    assert page.tables["paper"][-1][3] == "unknown"
    assert page.tables["cost"][1][-2:] == ["unknown", "unknown"]
    assert "for the model's answers" not in page.text


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_breaks_out_of_the_page(text: str) -> None:
    facts, rows = hostile(text)
    page = html_report(facts, rows)
    parsed, plain = Page(page), Page(html_report(*hostile("plain")))
    assert set(parsed.tags) == set(plain.tags)
    assert parsed.tags.count("script") == parsed.tags.count("style") - parsed.tags.count("svg") == 1
    assert not [name for name, _ in parsed.attributes if name.startswith("on")]
    assert "7*7" in page if "7*7" in text else "49" not in parsed.tables["sources"][1]
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe]", page)
    page.encode("utf-8")


def test_long_texts_and_many_rows_do_not_make_a_big_page() -> None:
    rows = [
        DatasetRow(i, Record(f"{i} " + "w" * 10_000, "o" * 100_000, "x " * 50_000))
        for i in range(60)
    ]
    runs = tuple(run(f"run_{i}", rejected={"generate": {f"r{i}" * 999: 1}}) for i in range(200))
    hit = HitFacts(position=1, text="h" * 50_000, test_text="t " * 50_000, method="13-gram")
    held = DecontaminationFacts(
        test_set="exam", test_rows=9, methods=("13-gram",), checked=60, hits=500, dropped=0,
        examples=(hit,) * 500,
    )  # fmt: skip
    finder = FixedFinder(VerbNoun("v" * 10_000, "n" * 10_000))
    facts = facts_of(rows, finder, runs=runs, decontamination=(held,))
    page = html_report(facts, rows)
    assert len(page.encode()) < 1_000_000
    parsed = Page(page)
    assert parsed.tags.count("article") == 20
    assert "440 more rows are not shown." in parsed.text
