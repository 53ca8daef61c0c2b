"""Plots: well-formed files whose numbers are the ones given, whatever the texts are."""

import re
from xml.etree import ElementTree as ET

import pytest

from app.reports.dataset.plots import plots
from app.reports.drawings.bars import Bar, bar_chart, grouped_bar_chart, histogram
from app.reports.drawings.lines import Line, line_chart
from app.reports.drawings.sunburst import Sector, sunburst
from app.reports.drawings.svg import Caption, hint
from tests.unit.reports.making import HOSTILE, facts_of, garden, hostile

SVG = "{http://www.w3.org/2000/svg}"
CAPTION = Caption("a-plot", "A plot", "It shows something.")
ALLOWED = {"svg", "title", "desc", "style", "rect", "text", "g", "path", "circle"}


def _parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - what is parsed was made here


def _hints(svg: str) -> list[str]:
    """What marks say, without the plot's own title."""
    return [each.text or "" for each in _parsed(svg).iter(f"{SVG}title")][1:]


def _every_kind(text: str) -> dict[str, str]:
    caption = Caption("a-plot", text, text)
    bars = [Bar(text, 3), Bar("other", 0), Bar(text, 1.5, text)]
    return {
        "bar": bar_chart(caption, bars, [text, text]),
        "histogram": histogram(caption, bars, text),
        "grouped": grouped_bar_chart(caption, [text] * 3, {text: bars, "two": bars}, text),
        "line": line_chart(caption, [Line(text, [(0, 1), (9, 4.5)]), Line("b", [(0, 0)])], text),
        "places": line_chart(caption, [Line(text, [(0, 1), (1, 4)])], text, [text, text]),
        "sunburst": sunburst(caption, [Sector(text, 5, [(text, 3), ("x", 1)])]),
    }


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_breaks_out_of_a_plot(text: str) -> None:
    for svg in _every_kind(text).values():
        root = _parsed(svg)
        assert {each.tag.removeprefix(SVG) for each in root.iter()} <= ALLOWED
        for each in root.iter():
            assert not [name for name in each.attrib if name.startswith("on") or "href" in name]
        assert "]]>" not in svg
        assert len(svg) < 40_000


@pytest.mark.parametrize("svg", _every_kind("plain").values(), ids=_every_kind("plain"))
def test_a_plot_is_a_file_of_its_own_that_says_what_it_is(svg: str) -> None:
    root = _parsed(svg)
    assert root.tag == f"{SVG}svg"
    assert root.attrib["role"] == "img"
    named = [root.find(f"*[@id='{each}']") for each in root.attrib["aria-labelledby"].split()]
    assert [each.text for each in named if each is not None] == ["plain", "plain"]
    style = root.findtext(f"{SVG}style") or ""
    assert "prefers-color-scheme:dark" in style
    assert not re.search(r"url\(|@import|@font-face|https?:", style)
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


def test_the_same_values_make_the_same_bytes() -> None:
    assert plots(garden()) == plots(garden())


@pytest.mark.parametrize(
    "svg",
    [
        bar_chart(CAPTION, []), histogram(CAPTION, [], "x"),
        grouped_bar_chart(CAPTION, [], {}, "x"), line_chart(CAPTION, [], "x"),
        line_chart(CAPTION, [Line("a", [])], "x"),
        sunburst(CAPTION, []), sunburst(CAPTION, [Sector("a", 1, [])]),
    ],
)  # fmt: skip
def test_without_values_a_plot_says_so(svg: str) -> None:
    assert "No data." in [each.text for each in _parsed(svg).iter(f"{SVG}text")]


def test_all_values_nought_is_no_trouble() -> None:
    for svg in (
        histogram(CAPTION, [Bar("a", 0)], "x"),
        bar_chart(CAPTION, [Bar("a", 0)]),
        line_chart(CAPTION, [Line("a", [(0, 0)])], "x"),
    ):
        assert "nan" not in svg
        _parsed(svg)


def test_every_plot_of_a_full_data_set_is_there_and_of_an_empty_one_none() -> None:
    assert list(plots(garden())) == [
        "verbs", "lengths", "seed-similarity", "label-balance", "labels", "acceptance",
        "rejections", "filters", "splits",
    ]  # fmt: skip
    assert plots(facts_of([])) == {}


def test_plots_say_the_statistics_numbers() -> None:
    facts = garden()
    drawn = plots(facts)
    verb = facts.statistics.verbs.verbs[0]
    assert f"{verb.verb}: {verb.count}" in _hints(drawn["verbs"])
    assert "near_duplicate: 100" in _hints(drawn["rejections"])
    assert "output_rules: refusal: 3" in _hints(drawn["filters"])
    assert "train: 41 · 91.1 %" in _hints(drawn["splits"])
    bins = facts.statistics.seed_similarity.bins
    assert [int(each.rsplit(" ", 1)[1]) for each in _hints(drawn["seed-similarity"])] == [
        each.count for each in bins
    ]


def test_a_hint_has_at_most_240_columns() -> None:
    assert hint("a" * 240) == f"<title>{'a' * 240}</title>"
    assert hint("a" * 241) == f"<title>{'a' * 239}…</title>"


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_facts_make_well_formed_plots(text: str) -> None:
    drawn = plots(hostile(text)[0])
    assert {"verbs", "labels", "rejections", "filters", "acceptance"} <= set(drawn)
    for svg in drawn.values():
        assert {each.tag.removeprefix(SVG) for each in _parsed(svg).iter()} <= ALLOWED
