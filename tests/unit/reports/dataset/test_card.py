"""The data set card: facts only, front matter that YAML reads, tables that stay tables."""

import re
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt

from app.reports.dataset.card import dataset_card
from app.reports.dataset.facts import CardFacts, FileFacts, SourceFacts
from app.reports.dataset.front_matter import loadable_files, size_category
from app.reports.markdown import fenced, inline
from tests.unit.reports.making import HOSTILE, facts_of, garden, hostile, rows_of_garden, run


def _front_matter(card: str) -> dict[str, Any]:
    assert card.startswith("---\n")
    written = card.split("\n---\n", 1)[0].removeprefix("---\n")
    read = yaml.safe_load(written)
    assert isinstance(read, dict)
    return read


def _body(card: str) -> str:
    return card.split("\n---\n", 1)[1]


def _tables(card: str) -> list[list[list[str]]]:
    """Read tables as GitHub does: rows of cells between bars that nothing escapes."""
    tables: list[list[list[str]]] = [[]]
    for line in _without_code(_body(card)).splitlines():
        if line.startswith("|"):
            cells = re.split(r"(?<!\\)\|", line)
            tables[-1].append([cell.strip() for cell in cells[1:-1]])
        elif tables[-1]:
            tables.append([])
    return [table for table in tables if table]


def _without_code(body: str) -> str:
    return re.sub(r"^(`{3,})[a-z]*\n.*?^\1$", "CODE", body, flags=re.DOTALL | re.MULTILINE)


def _read(card: str) -> tuple[list[str], set[str]]:
    """Return the kinds of blocks in order, and of spans, as a Markdown reader sees them."""
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = reader.parse(_body(card))
    spans = {span.type for token in tokens for span in token.children or []}
    return [token.type for token in tokens], spans


def test_the_front_matter_says_what_the_hub_asks_for() -> None:
    assert _front_matter(dataset_card(garden())) == {
        "pretty_name": "garden",
        "license": "cc-by-4.0",
        "language": ["en"],
        "task_categories": ["text-generation"],
        "size_categories": ["n<1K"],
        "tags": ["instruction-tuning", "seedbed", "self-instruct", "synthetic", "plants"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [
                    {"split": "train", "path": ["data/train.jsonl"]},
                    {"split": "test", "path": ["data/test.jsonl"]},
                ],
            }
        ],
    }


def test_what_is_unknown_is_said_to_be_unknown_and_never_guessed() -> None:
    card = dataset_card(facts_of(rows_of_garden()))
    front = _front_matter(card)
    assert front["license"] == "unknown"
    assert "language" not in front
    assert "configs" not in front
    assert front["tags"] == ["instruction-tuning", "seedbed"]
    assert "The licence of the data set is unknown" in card
    assert "These rows were not made by a Seedbed run" in card
    assert "not checked against any test set; overlap is unknown" in card
    assert "The languages of the rows are unknown." in card
    assert "Terms of the model's provider" not in card
    assert "Self-Instruct method" not in card
    assert "## Loading" not in card


def test_the_card_tells_counts_models_prompts_dates_and_licences() -> None:
    card = dataset_card(garden())
    tables = _tables(card)
    numbers = {row[0]: row[3] for row in tables[0]}
    assert numbers["instances (rows)"] == "45"
    assert numbers["distinct instructions"] == "13"
    made = tables[1]
    assert made[2] == [
        "`run_01`", "`default`", "`model-one`", "2026-11-24T10:00:00Z", "unknown", "80", "20", "40",
        "&#36;1.50",
    ]  # fmt: skip
    assert ["output\\_rules", "dropped", "refusal", "3"] in tables[3]
    assert ["exam.jsonl", "100", "13-gram, rouge\\_l", "45", "2", "1"] in tables[4]
    assert ["seed set", "`seeds_01`", "12", "apache-2.0", ""] in tables[5]
    assert "`default/generate@1f3a5c7e9b0d`" in card
    assert "Answers were written by `model-one`. The terms of the model's provider" in card
    assert "](plots/verbs.svg)" in card
    assert '```json\n{"seed": 7}\n```' in card
    assert "a" * 64 in card


def test_known_limits_are_those_that_the_facts_show() -> None:
    card = dataset_card(garden())
    assert "- Rows with an empty output: 1 (2.2 %)." in card
    assert "- Rows that a filter could not decide on: 4." in card
    assert "found by a word list and rules" in card
    assert "inflated" not in card
    assert "The licence of at least one source is unknown." not in card


def test_an_imported_source_without_a_licence_is_a_limit() -> None:
    sources = (SourceFacts(kind="import", name="x.jsonl", rows=3),)
    card = dataset_card(facts_of(rows_of_garden(), sources=sources))
    assert "The licence of at least one source is unknown." in card


def test_the_lines_to_load_it_run_as_python() -> None:
    facts = garden()
    (code,) = re.findall(r"```python\n(.*?)\n```", dataset_card(facts), re.DOTALL)
    assert 'load_dataset("someone/garden")' in code
    beside = dataset_card(facts.model_copy(update={"hub_id": None}))
    (code,) = re.findall(r"```python\n(.*?)\n```", beside, re.DOTALL)
    called: list[Any] = []
    lines = code.replace("from datasets import load_dataset", "")
    exec(compile(lines, "card", "exec"), {"load_dataset": lambda *a, **k: called.append((a, k))})  # noqa: S102
    files = {"train": ["data/train.jsonl"], "test": ["data/test.jsonl"]}
    assert called == [(("json",), {"data_files": files})]


def test_facts_kept_as_json_make_the_same_card() -> None:
    facts = garden()
    assert dataset_card(CardFacts.model_validate_json(facts.model_dump_json())) == dataset_card(
        facts
    )


def test_an_empty_data_set_has_a_card() -> None:
    card = dataset_card(facts_of([], runs=(run("run_01", rows=0, accepted=0),)))
    assert _front_matter(card)["size_categories"] == ["n<1K"]
    assert "None" not in card
    assert not re.search(r"\bnan\b", card)


@pytest.mark.parametrize(
    "licence",
    [
        *("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "isc", "unlicense", "cc0-1.0"),
        *("cc-by-2.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-2.0"),
        *("cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0"),
        *("cc-by-nc-nd-4.0", "odc-by", "odbl", "pddl", "cdla-permissive-1.0", "cdla-sharing-1.0"),
        *("cdla-permissive-2.0", "gpl-2.0", "gpl-3.0", "lgpl-3.0", "agpl-3.0", "mpl-2.0", "wtfpl"),
        *("openrail", "other", "unknown"),
    ],
)
def test_a_licence_of_the_hub_is_named_by_its_identifier(licence: str) -> None:
    front = _front_matter(dataset_card(facts_of([], licence=licence)))
    assert (front["license"], front.get("license_name")) == (licence, None)


def test_a_licence_that_the_hub_has_no_name_for_is_named_beside() -> None:
    front = _front_matter(dataset_card(facts_of([], licence="My: own, licence #1")))
    assert (front["license"], front["license_name"]) == ("other", "My: own, licence #1")


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_breaks_out_of_the_card(text: str) -> None:
    card = dataset_card(hostile(text)[0])
    plain = dataset_card(hostile("plain text")[0])
    front = _front_matter(card)
    assert front.keys() - {"license_name"} == _front_matter(plain).keys() - {"license_name"}
    assert front["configs"][0]["data_files"][0]["path"][0].endswith(".jsonl")
    shape = [[len(row) for row in table] for table in _tables(card)]
    assert shape == [[len(row) for row in table] for table in _tables(plain)]
    blocks, spans = _read(card)
    assert (blocks, {"image"}) == (_read(plain)[0], spans & {"image"})
    assert spans <= {"text", "text_special", "code_inline", "image"}
    prose = re.sub(r"(?<!\\)\]\([^)]*\)", "]", _without_code(_body(card)))
    assert not re.search(r"://|www\.|\$", prose)
    card.encode("utf-8")


def test_a_fence_is_longer_than_any_run_of_ticks_in_it() -> None:
    assert fenced("a ```` b", "x") == "`````x\na ```` b\n`````"


def test_markup_in_a_line_is_text() -> None:
    assert inline("a|b <i> *c*\n# d") == r"a&#124;b &lt;i&gt; \*c\* \# d"
    assert inline("http://x.y www.x.y") == "http:&#47;&#47;x.y www&#46;x.y"
    assert inline("a & b > c $d$ x@y.z") == "a &amp; b &gt; c &#36;d&#36; x&#64;y.z"
    assert inline("w" * 300) == "w" * 199 + "…"


@pytest.mark.parametrize(
    ("rows", "category"),
    [
        (0, "n<1K"), (999, "n<1K"), (1_000, "1K<n<10K"), (52_002, "10K<n<100K"),
        (1_000_000, "1M<n<10M"), (20_000_000, "10M<n<100M"),
    ],
)  # fmt: skip
def test_sizes_are_the_hub_s(rows: int, category: str) -> None:
    assert size_category(rows) == category


def test_of_several_formats_one_is_loaded_by_split() -> None:
    files = [
        FileFacts(path="a.json", format="alpaca_json", rows=9),
        FileFacts(path="d/train.parquet", format="parquet", split="train", rows=8),
        FileFacts(path="d/whole.parquet", format="parquet", rows=9),
        FileFacts(path="d/test.parquet", format="parquet", split="test", rows=1),
        FileFacts(path="manifest.json", format="manifest"),
    ]
    assert loadable_files(files) == [("train", ["d/train.parquet"]), ("test", ["d/test.parquet"])]
    assert loadable_files(files[:1]) == [("train", ["a.json"])]
    assert loadable_files(files[4:]) == []
