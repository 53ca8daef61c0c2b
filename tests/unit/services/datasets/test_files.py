"""Files, reports and comparisons of versions."""

import json
import zipfile

import pytest

from app.errors import ConfigurationError, InvalidInput
from app.formats.options import ParquetOptions
from app.services.context import ServiceContext
from app.services.datasets import control, hub, lists, reports
from app.services.datasets.compare import compare_datasets
from app.services.datasets.files import FileRequest, folder_of, make_file
from tests.unit.services.datasets.versions import ROWS, imported, mixed


def test_a_file_is_made_once_and_again_when_it_is_gone(context: ServiceContext) -> None:
    dataset = imported(context)
    first = make_file(context, dataset, FileRequest("alpaca"))
    assert json.loads(first.path.read_text("utf-8")) == ROWS
    assert (first.row_count, first.name) == (7, first.path.name)
    assert first.path.parent == folder_of(context, dataset.id)
    assert first.size_bytes == first.path.stat().st_size
    at = first.path.stat().st_mtime_ns
    assert make_file(context, dataset, FileRequest("alpaca")) == first
    assert first.path.stat().st_mtime_ns == at

    content = first.path.read_bytes()
    first.path.write_bytes(content[:-1])
    assert make_file(context, dataset, FileRequest("alpaca")) == first
    assert first.path.read_bytes() == content
    first.path.unlink()
    assert make_file(context, dataset, FileRequest("alpaca")).path.read_bytes() == content

    control.delete_dataset(context, dataset.id)
    assert not folder_of(context, dataset.id).exists()


def test_each_request_has_a_file_name_of_its_own() -> None:
    requests = [
        FileRequest("alpaca"),
        FileRequest("alpaca", "train"),
        FileRequest("jsonl"),
        FileRequest("parquet"),
        FileRequest("parquet", options=ParquetOptions(chat_columns=True)),
        FileRequest("hub"),
    ]
    names = [request.file_name() for request in requests]
    assert len(set(names)) == len(names)
    assert names[0].startswith("all.alpaca.")
    assert names[1].startswith("train.alpaca.")
    assert names[-1] == "all.hub.zip"


def test_an_empty_split_and_an_unknown_format_are_refused(context: ServiceContext) -> None:
    dataset = imported(context)
    with pytest.raises(InvalidInput, match="no row in the split test"):
        make_file(context, dataset, FileRequest("alpaca", "test"))
    with pytest.raises(InvalidInput):
        make_file(context, dataset, FileRequest("unknown"))


def test_a_folder_for_the_hub_is_the_same_bytes_each_time(grown: ServiceContext) -> None:
    with grown.database.read() as session:
        run_id = session.connection().exec_driver_sql("SELECT id FROM runs").scalar_one()
    dataset = mixed(grown, "grown", sources=[{"run_id": run_id}], licence="cc-by-4.0")
    file = make_file(grown, dataset, FileRequest("hub"))
    content = file.path.read_bytes()
    assert file.media_type == "application/zip"
    file.path.unlink()
    assert make_file(grown, dataset, FileRequest("hub")).path.read_bytes() == content
    with zipfile.ZipFile(file.path) as archive:
        manifest = json.loads(archive.read("grown/manifest.json"))
        card = archive.read("grown/README.md").decode()
        names = archive.namelist()
    assert list(manifest) == [
        "version", "content_sha256", "recipe", "sources", "runs", "dropped",
        "name", "format", "rows", "files",
    ]  # fmt: skip
    assert manifest["content_sha256"] == dataset.content_sha256
    assert manifest["sources"][0]["run_id"] == run_id
    assert manifest["recipe"] == dataset.recipe
    assert "grown/provenance.jsonl" in names
    assert "cc-by-4.0" in card
    assert "data/train-00000-of-00001.parquet" in card
    # Nothing temporary is left.
    assert [path.name for path in grown.files_dir.iterdir()] == ["datasets"]


def test_a_push_needs_a_token(context: ServiceContext) -> None:
    dataset = imported(context)
    with pytest.raises(ConfigurationError):
        hub.push(context, dataset.id, "me/ours", private=True)


def test_reports_show_what_made_the_version(context: ServiceContext) -> None:
    source = imported(context, licence="cc0-1.0", source="a friend")
    exam = imported(context, ROWS[2:3], "exam")
    dataset = mixed(
        context, sources=[{"dataset_id": source.id}], test_sets=[exam.id], licence="mit"
    )
    make_file(context, dataset, FileRequest("alpaca", "train"))
    facts = reports.card_facts(reports.version_details(context, dataset.id))
    assert (facts.name, facts.version, facts.licence) == ("mixed", 1, "mit")
    assert [(each.kind, each.name, each.licence) for each in facts.sources] == [
        ("import", "ours version 1", "cc0-1.0"),
        ("import", "a friend", "cc0-1.0"),
    ]
    assert json.loads(facts.recipe) == dataset.recipe
    names = [each.name for each in facts.filters]
    assert names[-2:] == ["nearness", "test_set_overlap"]
    by_name = {each.name: each for each in facts.filters}
    assert by_name["nearness"].dropped == {"exact_repeat": 1}
    assert by_name["nearness"].looked_at == 6
    (overlap,) = facts.decontamination
    assert (overlap.test_set, overlap.test_rows, overlap.hits, overlap.dropped) == (
        exam.id, 1, 1, 1,
    )  # fmt: skip
    assert (overlap.checked, overlap.methods) == (5, ("13-gram", "rouge_l"))
    assert overlap.examples[0].test_text == "Translate the word into French.\n\nbread"
    (file,) = facts.files
    assert (file.format, file.split, file.rows) == ("alpaca", "train", dataset.row_count)

    html = reports.report(context, dataset.id)
    assert "Name a colour of the rainbow." in html
    assert "mixed" in reports.card(context, dataset.id)
    drawn = reports.plots_of(context, dataset.id)
    assert drawn
    assert all(svg.startswith("<svg") for svg in drawn.values())


def test_an_import_has_no_filters_in_its_report(context: ServiceContext) -> None:
    facts = reports.card_facts(reports.version_details(context, imported(context).id))
    assert (facts.filters, facts.decontamination) == ((), ())
    assert facts.sources[0].name.startswith("file ")


def test_versions_are_compared(context: ServiceContext) -> None:
    old = imported(context, ROWS[:4])
    changed = [*ROWS[:2], {**ROWS[2], "output": "du pain"}, ROWS[6]]
    new = imported(context, changed)
    found = compare_datasets(context, old.id, new.id, 10)
    summary = found.summary
    assert (summary.added, summary.removed, summary.changed, summary.same) == (1, 1, 1, 2)
    kinds = [change.kind for change in found.changes]
    assert kinds == ["changed", "added", "removed"]
    few = compare_datasets(context, old.id, new.id, 1)
    assert (few.summary, [change.kind for change in few.changes]) == (summary, ["changed"])
    assert (found.old.id, found.new.id) == (old.id, new.id)
    assert lists.get_dataset(context, old.id).row_count == 4
