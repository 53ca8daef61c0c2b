"""Files, reports and comparisons of versions."""

import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select

from app.errors import ConfigurationError, InvalidInput, OutOfSpace
from app.formats.options import ParquetOptions
from app.formats.prompt_completion import PromptCompletionOptions
from app.held_files import hold
from app.services.context import ServiceContext
from app.services.datasets import control, hub, lists, reports
from app.services.datasets.compare import compare_datasets
from app.services.datasets.files import FileRequest, MadeFile, download_cache, make_file
from app.services.datasets.tidy import tidy, tidy_if_due
from app.store.tables.datasets import Dataset, DatasetFile
from tests.dataset_versions import ROWS, imported, mixed


def test_a_file_is_made_once_and_again_when_it_is_gone(context: ServiceContext) -> None:
    dataset = imported(context)
    first = make_file(context, dataset, FileRequest("alpaca"))
    assert json.loads(first.path.read_text("utf-8")) == ROWS
    assert (first.row_count, first.name) == (7, "all.alpaca.json")
    assert first.path.name == first.sha256
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
    assert list(first.path.parent.iterdir()) == []


def with_seed(context: ServiceContext, dataset: Dataset, seed: int) -> MadeFile:
    options = PromptCompletionOptions(templates=True, random_seed=seed)
    return make_file(context, dataset, FileRequest("prompt_completion", options=options))


def stored(context: ServiceContext) -> set[str]:
    """The names of the files for download, without the notes about requests."""
    names = {path.name for path in (context.files_dir / "downloads").iterdir()}
    return {name for name in names if not name.endswith(".request")}


def test_equal_bytes_are_stored_once_and_no_seed_fills_the_database(
    context: ServiceContext,
) -> None:
    dataset = imported(context, ROWS[:1])
    seeds = [*range(1, 60), 2**63 - 1]
    made = [with_seed(context, dataset, seed) for seed in seeds]
    hashes = {file.sha256 for file in made}
    assert stored(context) == hashes
    assert len(hashes) < 10
    with context.database.read() as session:
        assert session.scalars(select(DatasetFile)).all() == []
    again = with_seed(context, dataset, 2**63 - 1)
    assert again == made[-1]
    control.delete_dataset(context, dataset.id)
    assert list(again.path.parent.iterdir()) == []


def test_the_least_recently_used_file_goes_first_and_none_that_is_being_sent(
    context: ServiceContext,
) -> None:
    dataset = imported(context, ROWS)
    small = replace(context, downloads_bytes=3 * 4096)
    formats = ("alpaca", "jsonl", "csv")
    first, second, third = [make_file(small, dataset, FileRequest(name)) for name in formats]
    second.held.close()
    third.held.close()
    # Used again, so the third is older.
    make_file(small, dataset, FileRequest("jsonl")).held.close()
    make_file(small, dataset, FileRequest("messages")).held.close()
    download_cache(small).make_space()
    assert stored(small) >= {first.sha256, second.sha256}
    assert third.sha256 not in stored(small)

    crowded = replace(context, downloads_bytes=4096)
    others = [first, make_file(small, dataset, FileRequest("jsonl"))]
    with pytest.raises(OutOfSpace, match="SEEDBED_DOWNLOADS_MB"):
        make_file(crowded, dataset, FileRequest("sharegpt"))
    for file in others:
        assert file.path.exists()
        file.held.close()
    make_file(crowded, dataset, FileRequest("sharegpt"))


def test_downloads_give_way_when_the_disk_is_nearly_full(context: ServiceContext) -> None:
    dataset = imported(context, ROWS)
    held = make_file(context, dataset, FileRequest("alpaca"))
    make_file(context, dataset, FileRequest("jsonl")).held.close()
    short = replace(context, min_free_bytes=10**18)
    with pytest.raises(OutOfSpace, match="SEEDBED_MIN_FREE_MB"):
        make_file(short, dataset, FileRequest("csv"))
    assert stored(context) == {held.sha256}


def test_a_file_that_many_ask_for_at_once_is_made_once(context: ServiceContext) -> None:
    dataset = imported(context, ROWS)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: make_file(context, dataset, FileRequest("csv")), range(8)))
    assert len({file.path for file in made}) == 1
    assert stored(context) == {made[0].sha256}


def test_what_dead_processes_left_is_removed_and_what_is_in_use_stays(
    context: ServiceContext,
) -> None:
    uploads, downloads = context.files_dir / "uploads", context.files_dir / "downloads"
    for folder in (uploads, downloads, context.files_dir / "datasets" / "dataset_1"):
        folder.mkdir(parents=True)
    for path in (uploads / "a.upload", uploads / "b.upload", downloads / "c.part"):
        path.write_bytes(b"half")
    with (uploads / "b.upload").open("rb") as used:
        hold(used)
        tidy(context)
        assert [path.name for path in uploads.iterdir()] == ["b.upload"]
        (uploads / "a.upload").touch()
        # It was tidied a moment ago.
        tidy_if_due(context)
        assert (uploads / "a.upload").exists()
    assert list(downloads.iterdir()) == []
    assert not (context.files_dir / "datasets").exists()
    tidy(context)
    assert list(uploads.iterdir()) == []


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
    facts = reports.card_facts(reports.version_details(grown, dataset.id))
    assert manifest["runs"] == [run.model_dump(mode="json") for run in facts.runs]
    assert manifest["content_sha256"] == dataset.content_sha256
    assert manifest["sources"][0]["run_id"] == run_id
    assert manifest["recipe"] == dataset.recipe
    assert "grown/provenance.jsonl" in names
    assert "cc-by-4.0" in card
    assert "data/train-00000-of-00001.parquet" in card
    # Nothing temporary is left.
    assert [path.name for path in grown.files_dir.iterdir()] == ["downloads"]


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
