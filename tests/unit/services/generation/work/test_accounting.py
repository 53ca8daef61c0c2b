"""The books of a run: no cap is exceeded, and what may have been billed counts as spent."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.llm.prices import max_usage
from app.pipeline.budget import NO_TOKENS, NOTHING, Amount, Caps, Tokens
from app.pipeline.options import RunOptions
from app.pipeline.types import Completion, Parameters, Request, Stage, TextPrompt
from app.schemas.runs import UsageView
from app.services.context import ServiceContext
from app.services.generation.work import accounting
from app.services.generation.work.accounting import Affordable
from app.services.runs import control
from app.services.runs.run_request import RunRequest
from app.services.runs.usage import total, usage_by_stage
from app.settings import Price
from app.states import Status
from app.store.database import Database
from app.store.runs import runs, stage_usage
from app.store.tables.runs import Run, RunEvent
from app.store.work import item_counts, work_items
from app.store.work.completions import Reply
from app.store.work.work_items import Planned
from tests.bench import SEEDS

PRICES = {"m": Price(input_usd=Decimal(1), output_usd=Decimal(1))}
CALL = Amount(1, 100, Decimal("0.10"))


def a_run(database: Database, caps: Caps) -> str:
    context = ServiceContext(database, [], "m", 1, 1.0, 60.0, PRICES)
    request = RunRequest(None, SEEDS, RunOptions(), caps)
    return control.start_run(context, request, None).id


def reply(tokens: tuple[int, int], cost_usd: str | None, reused_from: int | None = None) -> Reply:
    request = Request(TextPrompt("?"), Parameters(0.0, 1.0, 5), "test@1")
    completion = Completion("!", "stop", "m", *tokens)
    cost = None if cost_usd is None else Decimal(cost_usd)
    return Reply(
        None, Stage.GENERATE, request, completion, 0.1, cost_usd=cost, reused_from=reused_from
    )


def test_only_what_was_paid_is_added_to_what_a_run_has_taken(database: Database) -> None:
    run_id = a_run(database, Caps())
    with database.write() as session:
        run = session.get_one(Run, run_id)
        accounting.record_replies(session, run, [reply((7, 3), None)])
        assert run.cost_usd is None, "no price is known"
        again = reply((90, 90), "9", reused_from=4)
        accounting.record_replies(session, run, [reply((7, 3), "0.25"), again])
        assert (run.calls, run.prompt_tokens, run.completion_tokens) == (2, 14, 6)
        assert run.cost_usd == Decimal("0.25")
        stray = Completion("!", "stop", "m", 2, 1, cached_tokens=1, is_estimated=True)
        for cost in (Decimal("0.05"), None):
            accounting.record_stray_reply(session, run, Stage.CLASSIFY, stray, cost, endpoint="one")
        assert accounting.spent(run) == Amount(4, 14 + 6 + 6, Decimal("0.30"))
    with database.read() as session:
        by_stage = usage_by_stage(session, run_id)
        assert list(by_stage) == ["generate", "classify"]
        assert by_stage["classify"] == UsageView(
            calls=2,
            prompt_tokens=4,
            cached_tokens=2,
            completion_tokens=2,
            estimated_calls=2,
            cost_usd=Decimal("0.05"),
        )
        assert by_stage["classify"].cache_hit_share == 0.5
        assert total(by_stage.values()).cost_usd == Decimal("0.30")


def events(session: Session, run_id: str, kind: str) -> list[dict[str, Any]]:
    found = select(RunEvent.data).where(RunEvent.run_id == run_id, RunEvent.kind == kind)
    return list(session.scalars(found))


def test_a_bill_beyond_its_limit_raises_what_later_calls_reserve(database: Database) -> None:
    # The request allows 5 tokens for the answer, and 65 for the prompt.
    run_id = a_run(database, Caps(tokens=1000))
    with database.write() as session:
        run = session.get_one(Run, run_id)

        def seen(stage: Stage) -> Tokens:
            return stage_usage.largest_bills(session, run_id, run.model).of(stage)

        accounting.record_replies(session, run, [reply((65, 5), None)])
        assert seen(Stage.GENERATE) == NO_TOKENS
        assert not events(session, run_id, "billed_beyond_limit")
        accounting.record_replies(session, run, [reply((60, 400), None), reply((60, 205), None)])
        assert seen(Stage.GENERATE) == seen(Stage.CLASSIFY) == Tokens(0, 400)
        [event] = events(session, run_id, "billed_beyond_limit")
        assert event == {
            "stage": "generate",
            "model": "m",
            "calls": 2,
            "over_tokens": 395 + 200,
            "largest_prompt_tokens": 0,
            "largest_completion_tokens": 400,
        }
        most = max_usage(reply((1, 1), None).request, "m", {}, seen=seen(Stage.GENERATE))
        assert most.tokens == 65 + 5 + 500
        # Another model is another matter.
        assert stage_usage.largest_bills(session, run_id, "n").of(Stage.GENERATE) == NO_TOKENS
        # A stage with replies of its own goes by these.
        accounting.record_stray_reply(
            session, run, Stage.CLASSIFY, Completion("", "stop", "m", 1, 1), None, endpoint="one"
        )
        assert seen(Stage.CLASSIFY) == NO_TOKENS
        # Larger, but expected.
        accounting.record_replies(session, run, [reply((60, 480), None)])
        assert seen(Stage.GENERATE) == Tokens(0, 480)
        assert len(events(session, run_id, "billed_beyond_limit")) == 1
        [passed] = events(session, run_id, "cap_exceeded")
        assert passed == {
            "cap": "1,000 tokens",
            "over_calls": 0,
            "over_tokens": run.prompt_tokens + run.completion_tokens - 1000,
            "over_usd": "0",
        }


def test_calls_whose_end_is_not_known_count_until_it_is() -> None:
    run = Run(
        calls=0, prompt_tokens=0, completion_tokens=0, cost_usd=None,
        presumed_spent_calls=0, presumed_spent_tokens=0, presumed_spent_usd=Decimal(0),
    )  # fmt: skip
    accounting.presume_spent(run, CALL + CALL)
    assert accounting.spent(run) == accounting.presumed_spent(run) == CALL + CALL
    accounting.take_back(run, CALL)
    assert accounting.spent(run) == CALL


@pytest.mark.parametrize(
    ("caps", "expected"),
    [
        (Caps(), Affordable(5)),
        (Caps(calls=5), Affordable(5)),
        (Caps(calls=4), Affordable(4, "4 calls")),
        (Caps(tokens=299), Affordable(2, "299 tokens")),
        (Caps(usd=Decimal("0.19")), Affordable(1, "$0.19")),
        (Caps(usd=Decimal("0.09")), Affordable(0, "$0.09", is_final=True)),
    ],
)
def test_as_many_calls_are_affordable_as_the_caps_allow_at_their_most(
    database: Database, caps: Caps, expected: Affordable
) -> None:
    run_id = a_run(database, caps)
    with database.write() as session:
        run = session.get_one(Run, run_id)
        assert accounting.caps_of(run) == caps
        assert accounting.affordable(session, run, [CALL] * 5) == expected
        assert accounting.affordable(session, run, []) == Affordable(0)


def test_a_bill_beyond_its_limit_raises_what_the_calls_in_flight_reserve(
    database: Database,
) -> None:
    run_id = a_run(database, Caps(tokens=100_000))
    with database.write() as session:
        run = session.get_one(Run, run_id)
        planned = [
            Planned(stage, n, {}) for n in range(2) for stage in (Stage.GENERATE, Stage.CLASSIFY)
        ]
        work_items.plan(session, run, planned)
        items = work_items.find_open(session, run_id, 4)
        assert {items[0].stage, items[2].stage} == {Stage.GENERATE, Stage.CLASSIFY}
        work_items.lease(session, "pump", {items[n].id: CALL for n in (0, 2)})
        work_items.lease(session, "other", {items[1].id: NOTHING})
        accounting.record_replies(session, run, [reply((60, 400), "0.80")])
        # Also for the stage without a reply; not where no call is made.
        raised = Amount(1, CALL.tokens + 500, CALL.usd + Decimal("1"))
        assert list(work_items.leased_by(session, run_id, "pump").values()) == [raised] * 2
        assert list(work_items.leased_by(session, run_id, "other").values()) == [NOTHING]
        # As much as before: nothing more. More: the difference.
        accounting.record_replies(session, run, [reply((60, 300), "0.60")])
        assert item_counts.reserved(session, run_id).tokens == 2 * raised.tokens
        accounting.record_replies(session, run, [reply((60, 800), "1.60")])
        reserved = [one.tokens for one in work_items.leased_by(session, run_id, "pump").values()]
        assert reserved == [CALL.tokens + 1000] * 2
        assert item_counts.reserved(session, run_id).usd == 2 * (CALL.usd + Decimal(2))


def test_what_is_in_flight_counts_and_may_yet_free_money(database: Database) -> None:
    run_id = a_run(database, Caps(calls=2))
    with database.write() as session:
        run = session.get_one(Run, run_id)
        work_items.plan(session, run, [Planned(Stage.GENERATE, n, {}) for n in range(2)])
        items: Sequence[work_items.Item] = work_items.find_open(session, run_id, 2)
        work_items.lease(session, "pump", {item.id: CALL for item in items})
        assert accounting.affordable(session, run, [CALL]) == Affordable(0, "2 calls")
        work_items.reopen(session, [item.id for item in items], "pump")
        accounting.presume_spent(run, CALL + CALL)
        assert accounting.affordable(session, run, [CALL]) == Affordable(
            0, "2 calls", is_final=True
        )


def test_a_run_that_is_paused_for_its_budget_says_what_it_has_taken(database: Database) -> None:
    run_id = a_run(database, Caps(usd=Decimal(1)))
    with database.write() as session:
        run = session.get_one(Run, run_id)
        runs.move(session, run_id, Status.RUNNING)
        accounting.presume_spent(run, Amount(12, 3400, Decimal("0.95")))
        accounting.pause_for_budget(session, run, "$1")
    with database.read() as session:
        run = session.get_one(Run, run_id)
    assert (run.status, run.end_reason) == ("paused", "budget")
    assert run.message is not None
    assert "the cap of $1" in run.message
    assert "12 calls, 3,400 tokens, $0.95" in run.message
