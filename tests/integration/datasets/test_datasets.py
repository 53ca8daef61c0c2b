"""Versions of data sets on both databases: made, imported, read, compared, deleted."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from app.errors import Conflict, InvalidInput, NotFound
from app.llm.scripted.model import reply
from app.services.context import ServiceContext
from app.services.datasets import control, importing, lists, reports
from app.services.datasets import make as dataset_making
from app.services.datasets.compare import compare_datasets
from app.services.datasets.control import DatasetRequest
from app.services.datasets.files import FileRequest, make_file
from app.services.datasets.importing import Upload
from app.services.datasets.recipe import Import, VersionRecipe
from app.store.database import Database
from app.store.tables.datasets import Dataset
from tests.bench import Bench, OpenBench, after_looks
from tests.conftest import MOSTLY_POSTGRESQL
from tests.dataset_versions import ROWS, finished, imported, mixed
from tests.integration.runs.crew import Killed, doom

pytestmark = MOSTLY_POSTGRESQL


@pytest.fixture
def bench(open_bench: OpenBench, tmp_path: Path) -> Any:
    with open_bench(reply, files_dir=tmp_path / "files") as bench:
        yield bench


def expire_leases(context: ServiceContext) -> None:
    """Let so much time pass that a process at work counts as dead."""
    with context.database.write() as session:
        session.execute(update(Dataset).values(leased_until=datetime.fromtimestamp(0, UTC)))


def texts(context: ServiceContext, dataset: Dataset) -> list[tuple[str, str, str]]:
    rows, _ = lists.list_rows(context, dataset.id, None, 1000)
    return [(r.record.instruction, r.record.input, r.record.output) for r in rows]


def test_a_file_taken_in_is_a_version_and_the_same_file_is_the_same_version(bench: Bench) -> None:
    first = imported(bench.context, ROWS)
    assert (first.state, first.version, first.row_count) == ("ready", 1, 7)
    assert texts(bench.context, first) == [tuple(row.values()) for row in ROWS]
    assert imported(bench.context, ROWS).id == first.id
    assert imported(bench.context, ROWS[:3]).version == 2
    assert imported(bench.context, ROWS, "theirs").version == 1


def test_a_version_made_of_a_data_set_is_mended_filtered_and_without_repeats(bench: Bench) -> None:
    source = imported(bench.context, ROWS)
    dataset = mixed(bench.context, sources=[{"dataset_id": source.id}])
    assert (dataset.state, dataset.message) == ("ready", None)
    kept = texts(bench.context, dataset)
    assert ("Say what a lighthouse is for.", "", "It warns.") in kept
    assert len(kept) == 5
    found = reports.version_details(bench.context, dataset.id)
    assert found.facts["dropped"] == {
        "empty_output": {"empty_output": 1},
        "nearness": {"exact_repeat": 1},
    }
    assert found.statistics.rows == 5
    rows, _ = lists.list_rows(bench.context, dataset.id, None, 10)
    assert rows[3].origin == {"dataset_id": source.id, "position": 3}
    assert rows[3].changes == ("no_input",)
    drops = lists.list_drops(bench.context, dataset.id, cursor=None, limit=10).items
    assert [drop.origin["position"] for drop in drops] == [4, 5]


def test_the_same_request_is_the_same_version_and_equal_rows_have_an_equal_hash(
    bench: Bench,
) -> None:
    source = imported(bench.context, ROWS)
    first = mixed(bench.context, sources=[{"dataset_id": source.id}])
    again = mixed(bench.context, sources=[{"dataset_id": source.id}])
    other = mixed(bench.context, "other", sources=[{"dataset_id": source.id}])
    assert again.id == first.id
    assert other.id != first.id
    assert other.content_sha256 == first.content_sha256


def test_nothing_near_another_data_set_or_a_test_set_gets_in(bench: Bench) -> None:
    source = imported(bench.context, ROWS)
    held = imported(bench.context, ROWS[1:2], "held")
    exam = imported(bench.context, ROWS[2:3], "exam")
    dataset = mixed(
        bench.context,
        sources=[{"dataset_id": source.id}],
        nothing_near=[held.id],
        test_sets=[exam.id],
    )
    kept = [instruction for instruction, _, _ in texts(bench.context, dataset)]
    assert "Add the two numbers." not in kept
    assert "Translate the word into French." not in kept
    facts = reports.version_details(bench.context, dataset.id).facts
    assert facts["dropped"]["nearness"]["near_duplicate"] == 1
    overlap = facts["test_overlap"]
    assert overlap is not None
    assert overlap["rows"] == {exam.id: 1}
    assert overlap["hits"][0]["test_text"] == "Translate the word into French.\n\nbread"


def test_near_duplicates_are_on_one_side_of_a_split(bench: Bench) -> None:
    rows = [
        {"instruction": f"{verb} the {noun} of number {n}.", "input": "", "output": f"Answer {n}."}
        for n, (verb, noun) in enumerate(
            (verb, noun)
            for verb in ("Describe", "Count", "Draw up", "Explain", "Compare")
            for noun in ("river", "garden", "engine", "letter", "harbour")
        )
    ]
    source = imported(bench.context, rows)
    sources = [{"dataset_id": source.id}]
    dataset = mixed(bench.context, sources=sources, split={"test_share": 0.2, "threshold": 0.99})
    splits = reports.version_details(bench.context, dataset.id).statistics.splits
    assert splits == {"train": 20, "test": 5}
    near = mixed(bench.context, sources=sources, split={"test_share": 0.2, "threshold": 0.5})
    kept = reports.version_details(bench.context, near.id).statistics.splits
    # All of them are near one another, so the whole is one group and stays together.
    assert kept == {"train": 25}


def test_a_version_of_a_run_knows_where_every_row_came_from(bench: Bench) -> None:
    run_id = bench.start(target=12, random_seed=3)
    bench.work(run_id)
    dataset = mixed(bench.context, "grown", sources=[{"run_id": run_id}])
    assert dataset.state == "ready", dataset.message
    rows, _ = lists.list_rows(bench.context, dataset.id, None, 100)
    assert rows
    assert {row.origin["run_id"] for row in rows} == {run_id}
    assert {row.origin.get("instance_mode") for row in rows} <= {"input_first", "output_first"}
    found = reports.version_details(bench.context, dataset.id)
    run = found.facts["runs"][0]
    assert run["accepted"] == 12
    assert run["acceptance"][-1]["accepted"] == 12
    assert any(version.startswith("default/generate@") for version in run["prompt_versions"])
    assert found.statistics.seed_similarity.scored == len(rows)
    assert run_id in reports.card(bench.context, dataset.id)
    assert "<svg" in reports.report(bench.context, dataset.id)


def test_a_growing_run_gives_what_is_complete_and_later_another_version(bench: Bench) -> None:
    run_id = bench.start(target=30, random_seed=3)
    while bench.view(run_id).progress.complete < 3:
        bench.work(run_id, stop=after_looks(6))
    early = mixed(bench.context, "grown", sources=[{"run_id": run_id}])
    bench.work(run_id)
    late = mixed(bench.context, "grown", sources=[{"run_id": run_id}])
    assert (early.version, late.version) == (1, 2)
    first, last = texts(bench.context, early), texts(bench.context, late)
    assert 0 < len(first) < len(last)
    assert last[: len(first)] == first


def test_a_mix_takes_the_wanted_share_of_each_source(bench: Bench) -> None:
    def numbered(name: str, count: int) -> Dataset:
        rows = [
            {"instruction": f"{name} {n} {n * n}?", "input": "", "output": f"It is {n * n + 1}."}
            for n in range(count)
        ]
        return imported(bench.context, rows, name)

    one, two = numbered("apples", 40), numbered("pears", 100)
    sources = [{"dataset_id": one.id, "weight": 1.0}, {"dataset_id": two.id, "weight": 3.0}]
    dataset = mixed(bench.context, sources=sources, mix={"total": 80, "order": "shuffled"})
    kept = [instruction.split()[0] for instruction, _, _ in texts(bench.context, dataset)]
    assert (kept.count("apples"), kept.count("pears")) == (20, 60)
    assert kept != sorted(kept)


@pytest.mark.parametrize("name", ["alpaca", "messages", "sharegpt", "csv", "parquet", "jsonl"])
def test_a_file_of_a_version_is_the_same_again_and_can_be_taken_in(bench: Bench, name: str) -> None:
    dataset = imported(bench.context, ROWS[:3])
    file = make_file(bench.context, dataset, FileRequest(name))
    content = file.path.read_bytes()
    file.path.unlink()
    again = make_file(bench.context, dataset, FileRequest(name))
    assert (again.sha256, again.path.read_bytes()) == (file.sha256, content)
    upload = Upload("back", Import(format=name), file.path)
    back, _ = importing.import_dataset(bench.context, upload)
    back = finished(bench.context, back)
    rows, _ = lists.list_rows(bench.context, back.id, None, 10)
    assert [row.record.request for row in rows] == [
        f"{row['instruction']}\n\n{row['input']}" if row["input"] else row["instruction"]
        for row in ROWS[:3]
    ]


def test_a_folder_for_the_hub_is_one_archive(bench: Bench) -> None:
    dataset = imported(bench.context, ROWS[:3], licence="cc0-1.0")
    file = make_file(bench.context, dataset, FileRequest("hub"))
    first = file.path.read_bytes()
    file.path.unlink()
    assert make_file(bench.context, dataset, FileRequest("hub")).path.read_bytes() == first


def test_versions_are_compared_row_by_row(bench: Bench) -> None:
    old = imported(bench.context, ROWS[:4])
    new_rows = [ROWS[0], {**ROWS[1], "output": "seven"}, ROWS[3], ROWS[6]]
    new = imported(bench.context, new_rows)
    found = compare_datasets(bench.context, old.id, new.id, 10)
    summary = found.summary
    counts = (summary.added, summary.removed, summary.changed, summary.same)
    assert counts == (1, 1, 1, 2)
    assert [change.kind for change in found.changes] == ["changed", "added", "removed"]


def test_a_deleted_version_is_gone_and_its_number_is_not_given_again(
    bench: Bench, tmp_path: Path
) -> None:
    dataset = imported(bench.context, ROWS)
    make_file(bench.context, dataset, FileRequest("alpaca"))
    control.delete_dataset(bench.context, dataset.id)
    with pytest.raises(NotFound):
        lists.get_dataset(bench.context, dataset.id)
    again = imported(bench.context, ROWS)
    assert (again.version, again.row_count) == (2, 7)
    assert not list((tmp_path / "files").rglob("*.json"))


def test_what_cannot_be_read_is_named_and_nothing_is_stored(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "upload"
    lines = [json.dumps(row) for row in ROWS]
    lines[3] = '{"instruction": "cut off'
    lines[5] = '{"instruction": "no answer"}'
    file.write_text("\n".join(lines))
    upload = Upload("broken", Import(format="jsonl"), file)
    with pytest.raises(InvalidInput) as caught:
        importing.import_dataset(bench.context, upload)
    assert [fault.line for fault in caught.value.faults] == [4, 6]
    page = lists.list_datasets(bench.context, name=None, cursor=None, limit=10)
    assert page.items == []
    lenient = Upload("broken", Import(format="jsonl", skip_unreadable=True), file)
    dataset, _ = importing.import_dataset(bench.context, lenient)
    dataset = finished(bench.context, dataset)
    assert (dataset.row_count, dataset.dropped_count) == (5, 2)


def test_a_making_that_is_stopped_or_dies_begins_anew_and_ends_the_same(
    bench: Bench, database_url: str
) -> None:
    rows = [
        {"instruction": f"Question {n} about {n * n}?", "input": "", "output": f"It is {n}."}
        for n in range(2_400)
    ]
    source = imported(bench.context, rows)
    whole = mixed(bench.context, "whole", sources=[{"dataset_id": source.id}])
    request = DatasetRequest(
        "broken", VersionRecipe.model_validate({"sources": [{"dataset_id": source.id}]})
    )
    dataset, _ = control.create_dataset(bench.context, request)
    assert dataset_making.make_dataset(bench.context, dataset.id, after_looks(5))
    assert lists.get_dataset(bench.context, dataset.id).state == "queued"
    assert dataset.id in dataset_making.sweep_datasets(bench.context)
    for statements in (6, 14):
        doomed = Database(database_url)
        doomed.folder()  # Asked once per process; not one of the statements.
        doom(doomed, statements)
        short = replace(bench.context, database=doomed)
        with pytest.raises(Killed):
            dataset_making.make_dataset(short, dataset.id, lambda: False)
        doomed.close()
        assert lists.get_dataset(bench.context, dataset.id).state == "making"
        expire_leases(bench.context)
    ended = finished(bench.context, dataset)
    assert (ended.state, ended.row_count) == ("ready", 2_400)
    assert ended.content_sha256 == whole.content_sha256


def test_a_version_that_is_not_ready_cannot_be_read_or_be_a_source(bench: Bench) -> None:
    source = imported(bench.context, ROWS)
    request = DatasetRequest(
        "later", VersionRecipe.model_validate({"sources": [{"dataset_id": source.id}]})
    )
    dataset, new = control.create_dataset(bench.context, request)
    assert new
    with pytest.raises(Conflict):
        lists.list_rows(bench.context, dataset.id, None, 10)
    with pytest.raises(InvalidInput) as caught:
        mixed(bench.context, sources=[{"dataset_id": dataset.id}, {"run_id": "run_none"}])
    assert [fault.field for fault in caught.value.faults] == [
        "recipe.sources[0].dataset_id",
        "recipe.sources[1].run_id",
    ]
    with pytest.raises(Conflict):
        control.delete_dataset(bench.context, source.id)


def test_a_recipe_that_drops_everything_fails_with_the_reason(bench: Bench) -> None:
    source = imported(bench.context, ROWS[4:5])
    dataset = mixed(bench.context, sources=[{"dataset_id": source.id}])
    assert dataset.state == "failed"
    assert "No row is left" in str(dataset.message)
