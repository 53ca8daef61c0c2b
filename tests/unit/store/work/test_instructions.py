"""Accepted instructions and instances, and rejections."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.dataset_row import Record
from app.pipeline.types import Instance, Rejected, Stage
from app.store.json_columns import PoolNeighbour
from app.store.tables.instructions import InstructionRow, Rejection
from app.store.work import instructions
from app.store.work.instructions import Accepted, Dropped, Label, Made
from tests.unit.store.rows import add_instruction, add_reply, add_run


def add_three(session: Session) -> None:
    for run_id in ("run_a", "run_b"):
        run = add_run(session, run_id)
        id_ = add_reply(session, run)
        rows: list[dict[str, Any]] = [
            {
                "run_id": run_id,
                "sequence": n,
                "text": f"{run_id} {n}",
                "completion_id": id_,
                "neighbours": [],
                "is_complete": False,
            }
            for n in range(3)
        ]
        instructions.add(session, rows)
    instructions.add(session, [])


def row(session: Session, sequence: int, run_id: str = "run_a") -> InstructionRow:
    return session.get_one(InstructionRow, (run_id, sequence), populate_existing=True)


def test_accepted_instructions_are_read_from_a_number_on_or_by_number(session: Session) -> None:
    add_three(session)
    assert instructions.texts_from(session, "run_a", 1) == ["run_a 1", "run_a 2"]
    assert instructions.find(session, "run_a", [2, 0, 9]) == {
        0: Accepted(0, "run_a 0", None),
        2: Accepted(2, "run_a 2", None),
    }


def test_labels_are_stored_with_their_reply(session: Session) -> None:
    add_three(session)
    instructions.label(session, "run_a", [])
    instructions.label(session, "run_a", [Label(1, True, 0.5, 7), Label(2, False)])
    assert [row(session, n).is_classification for n in range(3)] == [None, True, False]
    assert (row(session, 1).confidence, row(session, 1).classified_by) == (0.5, 7)
    assert row(session, 1, "run_b").is_classification is None
    assert instructions.count_by_class(session, "run_a") == {None: 1, True: 1, False: 1}


def test_the_first_incomplete_instruction_moves_on(session: Session) -> None:
    add_three(session)
    assert instructions.first_incomplete(session, "run_a") == 0
    instructions.complete(session, "run_a", [])
    instructions.complete(session, "run_a", [0, 2])
    assert instructions.first_incomplete(session, "run_a") == 1
    assert instructions.first_incomplete(session, "run_b") == 0
    instructions.complete(session, "run_a", [1])
    assert instructions.first_incomplete(session, "run_a") is None


def test_instances_make_the_rows_of_the_data_set_in_order(session: Session) -> None:
    add_three(session)
    assert instructions.add_instances(session, "run_a", []) == 0
    made = [
        Made(1, 5, [Instance("x", "y\x00")]),
        Made(0, 6, [Instance("", "a"), Instance("in", "b")]),
    ]
    assert instructions.add_instances(session, "run_a", made) == 3
    assert list(instructions.rows_between(session, "run_a", 0, 2)) == [
        Record("run_a 0", "a", ""),
        Record("run_a 0", "b", "in"),
        Record("run_a 1", "y\ufffd", "x"),
    ]
    assert len(list(instructions.rows_between(session, "run_a", 1, 3))) == 1
    assert list(instructions.rows_between(session, "run_b", 0, 3)) == []


def test_rejections_keep_reason_place_and_neighbour(session: Session) -> None:
    run = add_run(session)
    add_instruction(session, run, 0, add_reply(session, run))
    instructions.reject(session, "run_a", [])
    near: PoolNeighbour = {"origin": "seed", "position": 1, "score": 0.8}
    instructions.reject(
        session,
        "run_a",
        [
            Dropped(Stage.GENERATE, Rejected("x" * 5_000, "too_near"), 3, neighbour=near),
            Dropped(Stage.INSTANTIATE, Rejected("y", "empty"), 4, sequence=0),
            Dropped(Stage.GENERATE, Rejected("z", "too_near"), 3),
        ],
    )
    first, second, _ = session.scalars(select(Rejection).order_by(Rejection.id)).all()
    assert (first.reason, len(first.text), first.neighbour) == ("too_near", 4_000, near)
    assert (first.completion_id, first.sequence) == (3, None)
    assert (second.stage, second.sequence) == ("instantiate", 0)
    assert instructions.count_by_reason(session, "run_a") == [
        ("generate", "too_near", 2),
        ("instantiate", "empty", 1),
    ]
    assert instructions.count_by_reason(session, "run_b") == []


def test_of_very_many_rejections_of_a_reply_the_number_is_kept() -> None:
    def drops(count: int) -> list[Dropped]:
        return [Dropped(Stage.GENERATE, Rejected(str(n), "bad"), 1, 0) for n in range(count)]

    assert instructions.bounded(drops(500)) == drops(500)
    kept = instructions.bounded(drops(502))
    assert len(kept) == 501
    assert kept[:500] == drops(500)
    last = kept[-1]
    assert last.rejected == Rejected("2 further ones", "too_many_items")
    assert (last.completion_id, last.neighbour) == (1, None)
