"""Rows of data sets: stored, read in order, by split, cleared in pieces; rows of runs."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.dataset_row import Exchange, Record
from app.pipeline.types import Stage
from app.store.datasets import dataset_rows
from app.store.datasets.dataset_rows import Drop
from app.store.tables.datasets import DatasetDrop
from tests.unit.store.rows import (
    add_dataset,
    add_instance,
    add_instruction,
    add_reply,
    add_run,
    dataset_row,
    request,
)

ID = "dataset_a"


@pytest.fixture(autouse=True)
def rows(session: Session) -> None:
    for dataset_id in (ID, "dataset_b"):
        add_dataset(session, dataset_id)
    whole = Record("Do\x00 2.", "o", "i", "s", (Exchange("u", "a"), Exchange("v", "b")))
    dataset_rows.add(session, ID, [])
    dataset_rows.add(
        session,
        ID,
        [
            dataset_row(0),
            dataset_row(1, split="test", is_classification=True, changes=("echo",)),
            dataset_row(2, record=replace(whole, is_classification=False)),
        ],
    )
    dataset_rows.add(session, "dataset_b", [dataset_row(0)])


def test_rows_are_read_back_whole_and_in_order(session: Session) -> None:
    found = list(dataset_rows.rows_between(session, ID, 0, 9))
    assert found[:2] == [
        dataset_row(0, split="train"),
        dataset_row(1, split="test", is_classification=True, changes=("echo",)),
    ]
    turns = (Exchange("u", "a"), Exchange("v", "b"))
    assert found[2].record == Record("Do\ufffd 2.", "o", "i", "s", turns, is_classification=False)
    assert [row.position for row in dataset_rows.rows_between(session, ID, 1, 2)] == [1]


def test_records_are_read_by_range_split_or_position(session: Session) -> None:
    def texts(*where: Any) -> list[str]:
        found = dataset_rows.records_between(session, ID, *where)
        return [record.instruction for _, record in found]

    assert texts(0, 2) == ["Do 0.", "Do 1."]
    assert texts(1, 9) == ["Do 1.", "Do\ufffd 2."]
    assert texts(0, 9, "test") == ["Do 1."]
    assert texts(0, 9, "train") == ["Do 0.", "Do\ufffd 2."]
    found = dict(dataset_rows.records_at(session, ID, [1, 7]))
    assert found == {1: dataset_row(1, is_classification=True).record}
    assert dataset_rows.instructions_of(session, ID) == ["Do 0.", "Do 1.", "Do\ufffd 2."]


def test_rows_are_counted_by_split_and_moved_into_one(session: Session) -> None:
    counts = [dataset_rows.count_split(session, ID, split) for split in (None, "train", "test")]
    assert counts == [3, 2, 1]
    dataset_rows.add(session, ID, [dataset_row(n) for n in range(3, 1_200)])
    dataset_rows.set_split(session, ID, "test", range(100, 1_150))
    assert dataset_rows.count_split(session, ID, "test") == 1_051
    dataset_rows.set_split(session, ID, "test", [])
    assert dataset_rows.count_split(session, "dataset_b", "test") == 0


def test_drops_are_stored_with_their_reason_and_counted(session: Session) -> None:
    dataset_rows.add_drops(session, ID, [])
    drops = [Drop("echo", "echo", "d" * 600, "t" * 600, {"row": n}) for n in range(2)]
    dataset_rows.add_drops(session, ID, [*drops, Drop("cut_off", "x", "", "", {})])
    dataset_rows.add_drops(session, "dataset_b", drops[:1])
    first = session.scalars(select(DatasetDrop).order_by(DatasetDrop.id)).first()
    assert first is not None
    assert (len(first.detail), len(first.text), first.origin) == (500, 500, {"row": 0})
    assert dataset_rows.drop_counts(session, ID) == [("cut_off", "x", 1), ("echo", "echo", 2)]


def test_a_version_is_cleared_in_pieces(session: Session) -> None:
    dataset_rows.add_drops(session, ID, [Drop("echo", "echo", "", "", {})])
    dataset_rows.add_drops(session, "dataset_b", [Drop("echo", "echo", "", "", {})])
    dataset_rows.add(session, ID, [dataset_row(n) for n in range(3, 5_002)])
    assert dataset_rows.clear_chunk(session, ID) == 5_001
    assert dataset_rows.clear_chunk(session, ID) == 2
    assert dataset_rows.clear_chunk(session, ID) == 0
    assert dataset_rows.count_split(session, "dataset_b", None) == 1
    assert len(dataset_rows.drop_counts(session, "dataset_b")) == 1


def test_the_rows_of_a_grown_run_lead_back_to_their_replies(session: Session) -> None:
    run = add_run(session)
    asked = add_reply(session, run)
    mode = request()
    versioned = type(mode)(mode.prompt, mode.parameters, "default/output_first@9")
    first = add_reply(session, run, Stage.INSTANTIATE, request=versioned)
    plain = add_reply(session, run, Stage.INSTANTIATE)
    for sequence in range(3):
        add_instruction(session, run, sequence, asked, is_classification=sequence == 1)
    for sequence, reply_id, position in (
        (1, first, 1),
        (1, first, 0),
        (0, plain, 0),
        (2, plain, 0),
    ):
        add_instance(session, run, sequence, reply_id, position)
    found = list(dataset_rows.run_rows_between(session, run.id, 0, 2))
    assert [(record.instruction, record.input) for record, _ in found] == [
        ("Do 0.", "in 0"),
        ("Do 1.", "in 0"),
        ("Do 1.", "in 1"),
    ]
    assert [record.is_classification for record, _ in found] == [False, True, True]
    whole = {"run_id": run.id, "sequence": 0, "instance": 0, "completion_id": asked}
    assert found[0][1] == whole | {"instance_completion_id": plain}
    assert found[2][1] == whole | {
        "sequence": 1,
        "instance": 1,
        "instance_completion_id": first,
        "instance_mode": "output_first",
    }
    assert dataset_rows.count_run_rows(session, run.id, 2) == 3
    assert dataset_rows.count_run_rows(session, run.id, 9) == 4
    assert dataset_rows.count_run_rows(session, "run_b", 9) == 0


def test_the_rows_of_a_review_are_those_kept_with_their_new_outputs(session: Session) -> None:
    grown = {"run_id": "run_z", "instance_mode": "input_first", "sequence": 4}
    dataset_rows.add(session, ID, [dataset_row(3, origin=grown, is_classification=True)])
    again = grown | {"grown_by": "run_y"}
    dataset_rows.add(session, ID, [dataset_row(4, origin=again)])
    review = add_run(session, dataset_id=ID, rows_to_review=5)
    reply_id = add_reply(session, review, Stage.REVIEW)
    for sequence in (0, 3, 4):
        add_instance(session, review, sequence, reply_id)
    found = list(dataset_rows.run_rows_between(session, review.id, 0, 5))
    assert [record.output for record, _ in found] == ["out 0", "out 3", "out 4"]
    assert [record.is_classification for record, _ in found] == [None, True, None]
    place = {"run_id": "run_a", "dataset_id": ID, "instance_completion_id": reply_id}
    assert [origin for _, origin in found] == [
        place | {"sequence": 0, "position": 0},
        place | {"sequence": 3, "position": 3, "grown_by": "run_z", "instance_mode": "input_first"},
        place | {"sequence": 4, "position": 4, "grown_by": "run_y", "instance_mode": "input_first"},
    ]
    assert len(list(dataset_rows.run_rows_between(session, review.id, 1, 4))) == 1


def test_the_models_of_a_run_are_listed_once_and_without_the_preflight(session: Session) -> None:
    run = add_run(session)
    for stage in (Stage.PREFLIGHT, Stage.GENERATE, Stage.GENERATE, Stage.CLASSIFY):
        add_reply(session, run, stage)
    assert dataset_rows.run_models(session, run.id) == [
        ("classify", "default/generate@1", "model-1"),
        ("generate", "default/generate@1", "model-1"),
    ]
    assert dataset_rows.run_models(session, "run_b") == []
