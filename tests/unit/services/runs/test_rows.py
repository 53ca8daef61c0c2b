"""Rows of a run, and lists of what it holds."""

from itertools import islice
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from app.errors import InvalidInput, NotFound
from app.pipeline.options import RunOptions
from app.schemas.runs import EventView, ProgressEvent
from app.services.context import ServiceContext
from app.services.runs import control, lists
from app.services.runs.events import follow_run
from app.services.runs.rows import final_until, growing_rows, position_count, rows
from app.services.runs.run_request import RunRequest
from app.states import Status
from app.store.tables.completions import CompletionRow
from app.store.tables.instructions import InstanceRow, InstructionRow, Rejection
from app.store.tables.runs import Run, RunEvent, SeedSet
from tests.bench import SEEDS
from tests.review_runs import some_rows, stored


def the_run(context: ServiceContext) -> Run:
    with context.database.read() as session:
        return session.scalars(select(Run)).one()


def reopen(context: ServiceContext, run: Run, at: int) -> None:
    """Let the instruction at this sequence number lack its instances."""
    with context.database.write() as session:
        session.execute(update(Run).values(status=Status.RUNNING))
        session.execute(
            update(InstructionRow)
            .where(InstructionRow.run_id == run.id, InstructionRow.sequence == at)
            .values(is_complete=False)
        )
        session.execute(
            delete(InstanceRow).where(InstanceRow.run_id == run.id, InstanceRow.sequence == at)
        )


def sequences(context: ServiceContext) -> list[int]:
    with context.database.read() as session:
        keys = (InstanceRow.sequence, InstanceRow.position)
        return list(session.scalars(select(InstanceRow.sequence).order_by(*keys)))


def test_rows_are_instances_in_the_order_of_acceptance(grown: ServiceContext) -> None:
    run = the_run(grown)
    found = list(rows(grown, run.id))
    assert len(found) == run.instances > 0
    with grown.database.read() as session:
        texts = {
            row.sequence: row.text
            for row in session.execute(select(InstructionRow.sequence, InstructionRow.text))
        }
        outputs = session.scalars(
            select(InstanceRow.output).order_by(InstanceRow.sequence, InstanceRow.position)
        ).all()
    assert [row.instruction for row in found] == [texts[n] for n in sequences(grown)]
    assert [row.output for row in found] == list(outputs)
    assert list(growing_rows(grown, run.id)) == found


def test_a_growing_run_gives_rows_up_to_the_first_that_is_not_complete(
    grown: ServiceContext,
) -> None:
    run = the_run(grown)
    whole = list(zip(sequences(grown), rows(grown, run.id), strict=True))
    before = [row for n, row in whole if n < 2]
    after = [row for n, row in whole if n > 2]
    assert before
    assert after
    reopen(grown, run, 2)
    with grown.database.read() as session:
        assert final_until(session, the_run(grown)) == 2
    growing = growing_rows(grown, run.id)
    assert list(islice(growing, len(before) + 2)) == [*before, None, None]
    with grown.database.write() as session:
        session.execute(update(InstructionRow).values(is_complete=True))
    assert list(islice(growing, len(after) + 1)) == [*after, None]
    with grown.database.write() as session:
        session.execute(update(Run).values(status=Status.SUCCEEDED))
    assert list(growing) == []


def test_positions_are_instructions_or_rows_to_review() -> None:
    assert position_count(Run(accepted=4, seed_set_id="seeds_1", options={"target": 9})) == 4
    assert position_count(Run(accepted=4, dataset_id="dataset_1", rows_to_review=7)) == 7


def test_a_review_is_final_up_to_the_first_row_that_is_not_decided(
    context: ServiceContext,
) -> None:
    dataset_id = stored(context.database, some_rows(5))
    request = RunRequest(None, None, RunOptions(profile="judge"), dataset_id=dataset_id)
    run = control.start_run(context, request, None)
    with context.database.write() as session:
        session.execute(update(Run).values(tickets_issued=3))
        reply = CompletionRow(
            run_id=run.id, stage="review", prompt_version="review/judge@1", prompt="",
            prompt_text_sha256="0" * 64, demonstrations=[], parameters={}, model="m", reply="",
            finish_reason="stop", prompt_tokens=1, completion_tokens=1, latency_s=0.1,
        )  # fmt: skip
        session.connection().exec_driver_sql(
            "INSERT INTO prompt_texts (sha256, text) VALUES (?, '')", ("0" * 64,)
        )
        session.add(reply)
        session.flush()
        session.add(
            InstanceRow(run_id=run.id, sequence=1, position=0, input="", output="new",
                        completion_id=reply.id)
        )  # fmt: skip
    with context.database.read() as session:
        assert final_until(session, the_run(context)) == 3
    assert [row.output for row in rows(context, run.id)] == ["new"]


@pytest.mark.parametrize("act", [rows, growing_rows])
def test_rows_of_a_run_that_is_not_there_are_refused_at_the_call(
    context: ServiceContext, act: object
) -> None:
    assert callable(act)
    with pytest.raises(NotFound):
        act(context, "run_none")


def test_runs_are_listed_newest_first_by_status_and_source(context: ServiceContext) -> None:
    def start(count: int) -> Run:
        return control.start_run(context, RunRequest(None, SEEDS[:count], RunOptions()), None)

    first, second, third = start(3), start(4), start(3)
    control.pause_run(context, second.id)

    def listed(**which: object) -> list[str]:
        page = lists.list_runs(context, cursor=None, limit=9, **which)  # type: ignore[arg-type]  # by name
        return [run.id for run in page.items]

    assert listed() == [third.id, second.id, first.id]
    assert listed(status="paused") == [second.id]
    assert listed(sources={"seed_set_id": first.seed_set_id}) == [third.id, first.id]
    assert listed(sources={"seed_set_id": None, "dataset_id": None}) == listed()
    assert listed(sources={"dataset_id": "dataset_none"}) == []
    page = lists.list_runs(context, cursor=None, limit=2)
    rest = lists.list_runs(context, cursor=page.next_cursor, limit=2)
    assert [run.id for run in rest.items] == [first.id]
    assert rest.next_cursor is None


def test_seed_sets_are_listed_newest_first(context: ServiceContext) -> None:
    with context.database.write() as session:
        for n in (1, 3, 2):
            facts = {"name": "mine", "content_sha256": str(n) * 64}
            session.add(SeedSet(id=f"seeds_{n}", **facts, task_count=1, classification_count=0))
    page = lists.list_seed_sets(context, None, 2)
    rest = lists.list_seed_sets(context, page.next_cursor, 2)
    found = [one.id for one in (*page.items, *rest.items)]
    assert found == ["seeds_3", "seeds_2", "seeds_1"]


@pytest.mark.parametrize("kind", [InstructionRow, InstanceRow, Rejection, CompletionRow, RunEvent])
def test_what_a_run_holds_is_listed_page_by_page(grown: ServiceContext, kind: type[Any]) -> None:
    run = the_run(grown)
    whole = lists.list_parts(grown, kind, run.id, cursor=None, limit=1000)
    assert whole.next_cursor is None
    paged: list[Any] = []
    cursor = None
    while True:
        page = lists.list_parts(grown, kind, run.id, cursor=cursor, limit=4)
        paged += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    key = [column.name for column in kind.__table__.primary_key]
    assert [[getattr(row, name) for name in key] for row in paged] == [
        [getattr(row, name) for name in key] for row in whole.items
    ]
    assert all(row.run_id == run.id for row in whole.items)
    with pytest.raises(NotFound):
        lists.list_parts(grown, kind, "run_none", cursor=None, limit=4)
    with pytest.raises(InvalidInput):
        lists.list_parts(grown, kind, run.id, cursor="nonsense", limit=4)


def test_a_reply_names_its_ticket_or_its_instruction(grown: ServiceContext) -> None:
    run = the_run(grown)
    replies = lists.list_parts(grown, CompletionRow, run.id, cursor=None, limit=1000).items
    subjects = lists.subjects(grown, replies)

    asked: dict[str, list[Any]] = {}
    for reply in replies:
        asked.setdefault(reply.stage, []).append(subjects[reply.id])
    assert sorted(asked["generate"]) == [(n, None) for n in range(run.tickets_issued)]
    for stage in ("classify", "instantiate"):
        assert sorted(asked[stage]) == [(None, n) for n in range(run.accepted)]
    # The content-free questions and the preflight are about none.
    others = {stage: set(found) for stage, found in asked.items() if stage[0] in "cp"}
    assert others["calibrate"] == others["preflight"] == {(None, None)}
    with grown.database.read() as session:
        rows_ = session.scalars(select(InstructionRow)).all()
    assert {subjects[row.completion_id].sequence for row in rows_} == {None}
    assert all(subjects[row.classified_by or 0].sequence == row.sequence for row in rows_)


def test_a_finished_run_is_followed_to_its_end(grown: ServiceContext) -> None:
    run = the_run(grown)
    follower = follow_run(grown, run.id, 0)
    assert not follower.has_all
    update_ = follower.poll()
    assert update_.ended
    progress, *followed = update_.events
    assert isinstance(progress, ProgressEvent)
    assert (progress.accepted, progress.target, progress.calls) == (6, 6, run.calls)
    assert (progress.status, progress.cost_usd) == (Status.SUCCEEDED, run.cost_usd)
    assert (progress.tokens.prompt, progress.tokens.completion) == (
        run.prompt_tokens,
        run.completion_tokens,
    )
    events = lists.list_parts(grown, RunEvent, run.id, cursor=None, limit=1000).items
    ids = [event.id for event in followed if isinstance(event, EventView)]
    assert ids == [event.id for event in events]
    assert follower.has_all
    with pytest.raises(NotFound):
        follow_run(grown, "run_none", 0)
