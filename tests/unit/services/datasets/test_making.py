"""Versions: imported, made by a recipe, interrupted, failed."""

import itertools
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from app.errors import Conflict, InvalidInput, NotFound
from app.schemas.datasets import DatasetView
from app.services.context import ServiceContext
from app.services.datasets import control, importing, lists, make, reports, sources
from app.services.datasets.control import DatasetRequest
from app.services.datasets.recipe import VersionRecipe
from app.services.datasets.sources import all_sources
from app.states import DatasetState, Status
from app.store.tables.datasets import Dataset, DatasetDrop, DatasetRecord
from app.store.tables.runs import Run
from tests.dataset_versions import (
    ROWS,
    finished,
    imported,
    mixed,
    requested,
    texts,
    upload,
)


def change(context: ServiceContext, dataset: Dataset, **columns: Any) -> None:
    with context.database.write() as session:
        session.execute(update(Dataset).where(Dataset.id == dataset.id).values(**columns))


def run_of(context: ServiceContext) -> Run:
    with context.database.read() as session:
        return session.scalars(select(Run)).one()


def test_an_import_is_a_version_and_the_same_file_is_the_same_version(
    context: ServiceContext,
) -> None:
    first = imported(context, licence="cc0-1.0", source="a friend")
    assert (first.state, first.version, first.row_count, first.is_import) == ("ready", 1, 7, True)
    assert texts(context, first) == [tuple(row.values()) for row in ROWS]
    rows, _ = lists.list_rows(context, first.id, None, 2)
    assert [row.origin for row in rows] == [{"row": 1}, {"row": 2}]
    same, is_new = importing.import_dataset(
        context, upload(context, ROWS, licence="cc0-1.0", source="a friend")
    )
    assert (same.id, is_new) == (first.id, False)
    assert imported(context, ROWS[:3]).version == 2
    assert imported(context, ROWS, "theirs").version == 1
    (source,) = reports.version_details(context, first.id).facts["sources"]
    assert {**source, "file_sha256": ""} == {
        "file_sha256": "",
        "format": "alpaca",
        "source": "a friend",
        "licence": "cc0-1.0",
        "passed_over": {},
    }


def test_a_format_is_recognised_and_the_columns_passed_over_are_listed(
    context: ServiceContext,
) -> None:
    rows = [{**row, "id": str(n), "note": ""} for n, row in enumerate(ROWS)]
    dataset = imported(context, rows, format=None)
    assert (dataset.format, dict(dataset.passed_over)) == ("alpaca", {"id": 7})
    view = DatasetView.model_validate(dataset)
    assert (view.format, view.passed_over, view.row_count) == ("alpaca", {"id": 7}, 7)
    (source,) = reports.version_details(context, dataset.id).facts["sources"]
    assert "file_sha256" in source
    assert source["passed_over"] == {"id": 7}
    found = DatasetView.model_validate(mixed(context, sources=[{"dataset_id": dataset.id}]))
    assert (found.format, found.passed_over) == (None, {})


def test_large_rows_are_read_a_few_at_a_time(context: ServiceContext) -> None:
    rows = [{"instruction": f"Say {n}.", "output": f"{n} " * 400_000} for n in range(30)]
    dataset = imported(context, rows)

    whole = sources.read_dataset(context, dataset.id, 30)
    records = sources.read_records(context, dataset.id, 30)
    assert [row.position for row in whole] == list(range(30))
    tracemalloc.start()
    try:
        assert [one.instruction for one in records] == [row["instruction"] for row in rows]
        assert tracemalloc.get_traced_memory()[1] < 20 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_faults_of_a_list_name_the_row(context: ServiceContext) -> None:
    with pytest.raises(InvalidInput) as refused:
        importing.import_dataset(context, upload(context, [ROWS[0], {"instruction": "Say it."}]))
    (fault,) = refused.value.faults
    assert (fault.row, fault.line) == (2, None)


def test_an_import_of_before_version_2_is_found_again(context: ServiceContext) -> None:
    sent = upload(context, ROWS)
    first = imported(context)
    (source,) = reports.version_details(context, first.id).facts["sources"]
    assert "file_sha256" in source
    hashed = importing.request_hash_of(sent, source["file_sha256"])
    assert first.request_sha256 == hashed.current
    change(context, first, request_sha256=hashed.legacy)
    assert importing.import_dataset(context, sent)[0].id == first.id


def test_a_file_with_faults_is_refused_whole_and_may_be_sent_again(
    context: ServiceContext,
) -> None:
    bad = [ROWS[0], {"instruction": "Say it."}, ROWS[1], {"output": "It."}]
    with pytest.raises(InvalidInput, match="skip_unreadable") as refused:
        importing.import_dataset(context, upload(context, bad))
    assert len(refused.value.faults) == 2
    assert lists.list_datasets(context, name=None, cursor=None, limit=9).items == []
    with context.database.read() as session:
        assert session.scalars(select(DatasetRecord)).all() == []
    skipping = imported(context, bad, skip_unreadable=True)
    assert (skipping.row_count, skipping.dropped_count) == (2, 2)
    drops = lists.list_drops(context, skipping.id, cursor=None, limit=9).items
    assert [(drop.filter, drop.origin["row"]) for drop in drops] == [("reading", 2), ("reading", 4)]


def test_at_most_a_hundred_faults_are_reported(context: ServiceContext) -> None:
    bad = [{"instruction": f"Say {n}."} for n in range(150)]
    with pytest.raises(InvalidInput) as refused:
        importing.import_dataset(context, upload(context, bad))
    assert len(refused.value.faults) == 100


def test_a_file_without_a_row_is_refused(context: ServiceContext) -> None:
    with pytest.raises(InvalidInput, match="no row that can be read"):
        importing.import_dataset(context, upload(context, []))


def test_a_file_that_another_process_reads_is_a_conflict_until_that_is_dead(
    context: ServiceContext,
) -> None:
    dataset = imported(context)
    change(
        context, dataset, state=DatasetState.READING, token="other",
        leased_until=datetime(2100, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    with pytest.raises(Conflict, match=f"being imported, as {dataset.id}"):
        importing.import_dataset(context, upload(context, ROWS))
    assert make.sweep_datasets(context) == []
    assert lists.get_dataset(context, dataset.id).state == "reading"

    change(context, dataset, leased_until=datetime(2000, 1, 1, tzinfo=UTC))
    make.sweep_datasets(context)
    failed = lists.get_dataset(context, dataset.id)
    assert (failed.state, failed.row_count) == ("failed", 0)
    with context.database.read() as session:
        assert session.scalars(select(DatasetRecord)).all() == []
    assert imported(context).version == 2


def test_a_recipe_changes_drops_and_explains(context: ServiceContext) -> None:
    source = imported(context)
    dataset = mixed(context, sources=[{"dataset_id": source.id}])
    assert (dataset.state, dataset.message, dataset.dropped_count) == ("ready", None, 2)
    kept = texts(context, dataset)
    assert ("Say what a lighthouse is for.", "", "It warns.") in kept
    assert len(kept) == 5
    facts = reports.version_details(context, dataset.id).facts
    assert facts["dropped"] == {
        "empty_output": {"empty_output": 1},
        "nearness": {"exact_repeat": 1},
    }
    assert [each["looked_at"] for each in facts["filters"]][:1] == [7]
    by_name = {each["name"]: each for each in facts["filters"]}
    assert by_name["no_input"]["mended"] == {"no_input": 1}
    assert by_name["empty_output"]["dropped"] == {"empty_output": 1}
    # What a filter drops does not reach the next one.
    assert facts["filters"][-1]["looked_at"] == 6
    assert facts["test_overlap"] is None
    rows, _ = lists.list_rows(context, dataset.id, None, 10)
    assert rows[3].origin == {"dataset_id": source.id, "position": 3}
    assert rows[3].changes == ("no_input",)
    drops = lists.list_drops(context, dataset.id, cursor=None, limit=10).items
    assert [drop.origin["position"] for drop in drops] == [4, 5]


def test_rows_near_another_data_set_or_a_test_set_are_dropped(context: ServiceContext) -> None:
    source = imported(context)
    near = imported(context, ROWS[1:2], "near")
    exam = imported(context, ROWS[2:3], "exam")
    wanted: dict[str, Any] = {
        "sources": [{"dataset_id": source.id}],
        "nothing_near": [near.id],
        "test_sets": [exam.id],
    }
    dataset = mixed(context, **wanted)
    kept = [instruction for instruction, _, _ in texts(context, dataset)]
    assert "Add the two numbers." not in kept
    assert "Translate the word into French." not in kept
    facts = reports.version_details(context, dataset.id).facts
    assert facts["dropped"]["nearness"]["near_duplicate"] == 1
    overlap = facts["test_overlap"]
    assert overlap is not None
    assert (overlap["rows"], overlap["test_rows"]) == ({exam.id: 1}, {exam.id: 1})
    hit = overlap["hits"][0]
    assert (hit["position"], hit["item"], hit["test_set"]) == (None, 0, exam.id)
    assert hit["text"] == hit["test_text"] == "Translate the word into French.\n\nbread"
    assert hit["origin"] == {"dataset_id": source.id, "position": 2}

    reported = mixed(context, "reported", **wanted, decontamination={"drop": False})
    assert "Translate the word into French." in str(texts(context, reported))
    overlap = reports.version_details(context, reported.id).facts["test_overlap"]
    assert overlap is not None
    assert overlap["hits"][0]["position"] == 1
    assert not overlap["drops"]


def test_a_split_gives_a_test_part(context: ServiceContext) -> None:
    source = imported(context, [{**ROWS[0], "instruction": f"Count from {n}."} for n in range(30)])
    recipe = {"sources": [{"dataset_id": source.id}], "nearness": {"exact_repeats": False}}
    whole = mixed(context, "whole", **recipe)
    assert reports.version_details(context, whole.id).statistics.splits == {"train": 30}
    parted = mixed(context, "parted", **recipe, split={"test_share": 0.5, "threshold": 1.0})
    splits = reports.version_details(context, parted.id).statistics.splits
    assert sum(splits.values()) == 30
    assert splits["test"] > 0


def test_the_same_request_is_the_same_version_also_of_before_version_2(
    context: ServiceContext,
) -> None:
    source = imported(context)
    recipe = VersionRecipe.model_validate({"sources": [{"dataset_id": source.id}]})
    request = DatasetRequest("mixed", recipe)
    first, is_new = control.create_dataset(context, request)
    assert (is_new, first.state, first.version) == (True, "queued", 1)
    again, is_new = control.create_dataset(context, request)
    assert (again.id, is_new) == (first.id, False)
    made = finished(context, first)
    hashed = control.request_hash_of(
        request, reports.version_details(context, made.id).facts["sources"]
    )
    assert made.request_sha256 == hashed.current
    change(context, made, request_sha256=hashed.legacy)
    assert control.create_dataset(context, request)[0].id == first.id
    other, is_new = control.create_dataset(context, DatasetRequest("other", recipe))
    assert (is_new, other.version) == (True, 1)
    assert finished(context, other).content_sha256 == made.content_sha256


def test_rows_of_a_run_keep_their_provenance(grown: ServiceContext) -> None:
    run = run_of(grown)
    dataset = mixed(grown, "grown", sources=[{"run_id": run.id}])
    assert dataset.row_count + dataset.dropped_count == run.instances
    rows, _ = lists.list_rows(grown, dataset.id, None, 1)
    origin = rows[0].origin
    names = ["run_id", "sequence", "instance", "completion_id", "instance_completion_id"]
    assert list(origin)[:5] == names
    assert origin["run_id"] == run.id

    again = mixed(grown, "again", sources=[{"dataset_id": dataset.id}])
    (source,) = reports.version_details(grown, again.id).facts["sources"]
    assert "dataset_id" in source
    assert (source["dataset_id"], source["rows"]) == (dataset.id, dataset.row_count)
    # The first run stays known, back to its seeds.
    kinds = [sorted(fact)[0] for fact in all_sources([source])]
    assert len(kinds) == 2
    rows, _ = lists.list_rows(grown, again.id, None, 1)
    expected = {"dataset_id": dataset.id, "position": 0, "run_id": run.id}
    if "instance_mode" in origin:
        expected["instance_mode"] = origin["instance_mode"]
    assert rows[0].origin == expected

    (facts,) = reports.version_details(grown, again.id).facts["runs"]
    assert (facts["run_id"], facts["accepted"], facts["calls"]) == (run.id, 6, run.calls)
    assert facts["rows"] == run.instances
    assert facts["acceptance"][-1]["accepted"] == 6
    assert facts["candidates"] == 6 + sum(facts["rejected"].get("generate", {}).values())
    assert facts["models"] == ["scripted"]


def test_a_run_that_goes_on_gives_what_is_complete(grown: ServiceContext) -> None:
    run = run_of(grown)
    with grown.database.write() as session:
        session.execute(update(Run).values(status=Status.RUNNING))
    dataset = mixed(grown, "grown", sources=[{"run_id": run.id}])
    (source,) = reports.version_details(grown, dataset.id).facts["sources"]
    assert "run_id" in source
    assert (source["ended"], source["instructions"]) == (False, 6)
    assert source["seed_set"]["tasks"] == 10


def test_sources_that_cannot_be_read_are_all_named(context: ServiceContext) -> None:
    source = imported(context)
    waiting = requested(context, sources=[{"dataset_id": source.id}])
    with pytest.raises(InvalidInput) as refused:
        requested(
            context,
            sources=[{"run_id": "run_none"}, {"dataset_id": "dataset_none"}],
            nothing_near=[waiting.id],
            test_sets=["dataset_none"],
        )
    assert [(fault.field, fault.message) for fault in refused.value.faults] == [
        ("recipe.sources[0].run_id", "there is no run with the id 'run_none'"),
        ("recipe.sources[1].dataset_id", "there is no data set with the id 'dataset_none'"),
        ("recipe.nothing_near[0]", "the data set is queued, not ready"),
        ("recipe.test_sets[0]", "there is no data set with the id 'dataset_none'"),
    ]


def test_a_run_without_a_complete_row_is_no_source(grown: ServiceContext) -> None:
    with grown.database.write() as session:
        session.execute(update(Run).values(accepted=0))
    with pytest.raises(InvalidInput) as refused:
        requested(grown, sources=[{"run_id": run_of(grown).id}])
    assert refused.value.faults[0].message == "the run has no complete row yet"


def test_a_version_without_a_row_fails_with_the_reason_and_may_be_asked_for_again(
    context: ServiceContext,
) -> None:
    source = imported(context, ROWS[4:5])
    failed = mixed(context, sources=[{"dataset_id": source.id}])
    assert (failed.state, failed.row_count, failed.request_sha256) == ("failed", 0, None)
    assert "No row is left" in str(failed.message)
    with pytest.raises(Conflict, match="No row is left"):
        lists.ready_dataset(context, failed.id)
    again = mixed(context, sources=[{"dataset_id": source.id}])
    assert (again.version, again.state) == (2, "failed")


@pytest.mark.parametrize("after", [0, 1])
def test_a_process_that_has_to_stop_leaves_the_version_to_the_next(
    context: ServiceContext, after: int
) -> None:
    source = imported(context)
    dataset = requested(context, sources=[{"dataset_id": source.id}])
    looks = itertools.count()
    assert make.make_dataset(context, dataset.id, lambda: next(looks) == after)
    assert next(looks) == after + 1
    left = lists.get_dataset(context, dataset.id)
    assert left.state in {"queued", "making"}
    done = finished(context, dataset)
    assert (done.state, done.row_count) == ("ready", 5)


def test_a_version_is_made_by_one_process_at_a_time(context: ServiceContext) -> None:
    source = imported(context)
    dataset = requested(context, sources=[{"dataset_id": source.id}])
    assert make.sweep_datasets(context) == [dataset.id]
    assert make.sweep_datasets(context) == []

    def stolen() -> bool:
        assert not make.make_dataset(context, dataset.id, lambda: False)
        change(context, dataset, token="other")
        return False

    # Another process takes it while this one works: this one writes nothing more.
    assert not make.make_dataset(context, dataset.id, stolen)
    lost = lists.get_dataset(context, dataset.id)
    assert (lost.state, lost.token, lost.row_count) == ("making", "other", 0)
    assert not make.make_dataset(context, dataset.id, lambda: False)


def test_a_version_that_kills_its_workers_fails(context: ServiceContext) -> None:
    source = imported(context)
    dataset = requested(context, sources=[{"dataset_id": source.id}])
    change(context, dataset, attempts=3)
    failed = finished(context, dataset)
    assert (failed.state, failed.message) == ("failed", "Its worker died 3 times while making it.")


def test_a_deleted_version_is_gone_and_its_number_is_not_used_again(
    context: ServiceContext,
) -> None:
    first = imported(context)
    control.delete_dataset(context, first.id)
    for act in (lists.get_dataset, lists.ready_dataset, control.delete_dataset):
        with pytest.raises(NotFound):
            act(context, first.id)
    with context.database.read() as session:
        assert session.scalars(select(DatasetRecord)).all() == []
        assert session.scalars(select(DatasetDrop)).all() == []
    assert imported(context).version == 2


def test_a_version_that_is_needed_is_not_deleted(context: ServiceContext) -> None:
    source = imported(context)
    waiting = requested(context, sources=[{"dataset_id": source.id}])
    with pytest.raises(Conflict, match=f"{waiting.id}, which is being made, reads this one"):
        control.delete_dataset(context, source.id)
    change(context, waiting, state=DatasetState.MAKING)
    with pytest.raises(Conflict, match="is being made; delete it when it is ready"):
        control.delete_dataset(context, waiting.id)
    assert lists.get_dataset(context, source.id).state == "ready"


def test_versions_and_rows_are_listed_page_by_page(context: ServiceContext) -> None:
    first, second, other = (
        imported(context),
        imported(context, ROWS[:3]),
        imported(context, ROWS[:2], "theirs"),
    )
    page = lists.list_datasets(context, name=None, cursor=None, limit=2)
    assert [dataset.id for dataset in page.items] == [other.id, second.id]
    page = lists.list_datasets(context, name="ours", cursor=None, limit=9)
    assert [dataset.id for dataset in page.items] == [second.id, first.id]
    pages, cursor = [], None
    while True:
        rows, cursor = lists.list_rows(context, first.id, cursor, 3)
        pages.append([row.position for row in rows])
        if cursor is None:
            break
    assert pages == [[0, 1, 2], [3, 4, 5], [6]]
    with pytest.raises(InvalidInput):
        lists.list_rows(context, first.id, "nonsense", 3)
    for act in (lists.list_drops,):
        with pytest.raises(NotFound):
            act(context, "dataset_none", cursor=None, limit=3)
