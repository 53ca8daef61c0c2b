"""What is read of runs: events, seed tasks, pace, history, and earlier runs of the kind."""

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from app.pipeline.types import Completion, Instance, SeedTask, Stage
from app.store.runs import history, past_runs, progress, seed_sets
from app.store.runs import runs as stored_runs
from app.store.runs.events import look
from app.store.runs.past_runs import PastRuns
from app.store.sql import epoch_now
from app.store.tables.completions import CompletionRow
from app.store.tables.runs import SeedSet
from tests.unit.store.rows import add_instruction, add_reply, add_run

TASKS = (
    SeedTask("b", "second", "Say b.", (Instance("x", "y"), Instance("", "z")), True),
    SeedTask("a", "first", "Say a.", (Instance("", "1"),), False),
)


def test_events_are_read_after_one_of_them_up_to_a_limit(session: Session) -> None:
    add_run(session)
    add_run(session, "run_b")
    nothing = look(session, "run_a", 0, 10)
    assert nothing is not None
    assert (nothing.run.id, nothing.events) == ("run_a", [])
    for n in range(4):
        stored_runs.add_event(session, "run_a", "n", {"n": n})
        stored_runs.add_event(session, "run_b", "n", {"n": -n})
    first = look(session, "run_a", 0, 3)
    assert first is not None
    assert [event.data["n"] for event in first.events] == [0, 1, 2]
    rest = look(session, "run_a", first.events[1].id, 3)
    assert rest is not None
    assert [event.data["n"] for event in rest.events] == [2, 3]
    assert look(session, "run_unknown", 0, 3) is None


def test_seed_tasks_are_read_back_in_their_order(session: Session) -> None:
    added = SeedSet(
        id="s1", name="s", content_sha256="1", task_count=2, classification_count=1, licence=None
    )
    seed_sets.add(session, added, TASKS)
    assert seed_sets.tasks_of(session, "s1") == TASKS
    assert seed_sets.tasks_of(session, "s2") == ()
    assert seed_sets.find_by_content(session, "1") is added
    assert seed_sets.find_by_content(session, "2") is None


def test_the_pace_is_that_of_the_latest_replies(session: Session) -> None:
    run = add_run(session)
    assert progress.pace(session, run.id).tokens_per_s is None
    first, *_, last = [add_reply(session, run) for _ in range(5)]
    now = progress.pace(session, run.id).now
    for id_, before_s in ((first, 6.0), (last, 1.0)):
        at = update(CompletionRow).where(CompletionRow.id == id_)
        session.execute(at.values(created_at=epoch_now() - before_s))
    middle = update(CompletionRow).where(CompletionRow.id.not_in([first, last]))
    session.execute(middle.values(created_at=epoch_now() - 3))
    speed = progress.pace(session, run.id).tokens_per_s
    assert speed is not None
    assert speed == pytest.approx(15 / 6, rel=0.05)
    assert progress.pace(session, run.id).now >= now
    session.execute(update(CompletionRow).values(created_at=epoch_now() - 31))
    assert progress.pace(session, run.id).tokens_per_s is None
    session.execute(update(CompletionRow).values(created_at=epoch_now() - 29))
    assert progress.pace(session, run.id).tokens_per_s == pytest.approx(15 / 29, rel=0.05)
    # Within a second: as if in one.
    session.execute(update(CompletionRow).values(created_at=epoch_now()))
    assert progress.pace(session, run.id).tokens_per_s == 15.0


def test_the_pace_leaves_out_replies_before_the_latest_64(session: Session) -> None:
    run = add_run(session)
    for _ in range(70):
        add_reply(session, run)
    session.execute(update(CompletionRow).values(created_at=epoch_now()))
    assert progress.pace(session, run.id).tokens_per_s == 64 * 3


def test_the_history_counts_what_each_generation_reply_brought(session: Session) -> None:
    run = add_run(session)
    first, second, third = (add_reply(session, run) for _ in range(3))
    add_reply(session, run, Stage.CLASSIFY)
    spare = add_reply(session, run)
    session.execute(update(CompletionRow).where(CompletionRow.id == spare).values(is_spare=True))
    for sequence, completion_id in ((0, third), (1, first), (2, third)):
        add_instruction(session, run, sequence, completion_id)
    other = add_run(session, "run_b")
    add_reply(session, other)
    assert list(history.accepted_by_reply(session, run.id)) == [1, 0, 2]
    assert second


def test_past_runs_are_those_of_the_same_profile_and_model_with_enough_tickets(
    session: Session,
) -> None:
    assert past_runs.of(session, "default", "m") == PastRuns()
    run = add_run(session, accepted=6, tickets_admitted=4, status="succeeded")
    assert past_runs.of(session, "default", "m") == PastRuns()
    add_reply(session, run, completion=Completion("a", "stop", "m", 10, 2))
    add_reply(session, run, completion=Completion("a", "stop", "m", 20, 4))
    add_reply(session, run, Stage.CLASSIFY)
    add_reply(session, run, reused_from=1, completion=Completion("a", "stop", "m", 900, 900))
    add_run(session, "run_b", accepted=3, tickets_admitted=2)
    add_run(session, "run_c", accepted=30, tickets_admitted=20, model="other")
    add_run(session, "run_d", accepted=30, tickets_admitted=20, profile="paper")
    found = past_runs.of(session, "default", "m")
    assert found.accepted_per_call == 9 / 6
    assert found.tokens_per_call == {"generate": (15.0, 3.0), "classify": (7.0, 3.0)}


def test_past_runs_are_the_latest_five_and_none_accepted_is_no_rate(session: Session) -> None:
    add_run(session, "run_0", accepted=50, tickets_admitted=5)
    for n in range(1, 6):
        add_run(session, f"run_{n}", tickets_admitted=5)
    assert past_runs.of(session, "default", "m").accepted_per_call is None
