"""A run that is resumed with other options: what may change, and what is kept of it."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import Conflict, InvalidInput
from app.pipeline.budget import Caps
from app.pipeline.options import RunOptions
from app.pipeline.types import Stage
from app.services.context import ServiceContext
from app.services.runs import control
from app.services.runs.control import Resume
from app.services.runs.run_request import RunRequest
from app.states import ItemState, Status
from app.store.tables.batches import Batch
from app.store.tables.instructions import InstructionRow
from app.store.tables.runs import Run, RunEvent
from app.store.tables.work import WorkItem
from tests.bench import SEEDS

CAPABILITIES = {"json_schema": True, "logprobs": False}


def start(context: ServiceContext, caps: Caps = Caps(), **options: Any) -> str:  # noqa: B008
    request = RunRequest(None, SEEDS, RunOptions.model_validate({"target": 20, **options}), caps)
    run_id = control.start_run(context, request, None).id
    change(context, run_id, status=Status.PAUSED, capabilities=CAPABILITIES)
    return run_id


def change(context: ServiceContext, run_id: str, **columns: Any) -> None:
    with context.database.write() as session:
        run = session.get_one(Run, run_id)
        for name, value in columns.items():
            setattr(run, name, value)


def resume(context: ServiceContext, run_id: str, **options: Any) -> Run:
    return control.resume_run(context, run_id, Resume(options))


def changed(context: ServiceContext, run_id: str) -> list[Any]:
    with context.database.read() as session:
        of_run = (RunEvent.run_id == run_id, RunEvent.kind == "changed")
        found = session.scalars(select(RunEvent.data).where(*of_run).order_by(RunEvent.id))
        return [data["options"] for data in found]


@pytest.mark.parametrize(
    ("given", "event", "asked_again"),
    [
        ({"model": "other"}, {"model": {"from": "scripted", "to": "other"}}, True),
        (
            {"sampling": {"generate": {"top_p": 1.0}}},
            {"sampling.generate.top_p": {"from": None, "to": 1.0}},
            True,
        ),
        (
            {"sampling": {"classify": {"temperature": None, "max_tokens": 512}}},
            {
                "sampling.classify.temperature": {"from": 0.5, "to": None},
                "sampling.classify.max_tokens": {"from": None, "to": 512},
            },
            True,
        ),
        (
            {"answer_format": "marked_text"},
            {"answer_format": {"from": "auto", "to": "marked_text"}},
            True,
        ),
        ({"lookahead": 2}, {"lookahead": {"from": 8, "to": 2}}, False),
        (
            {"max_attempts": 5, "dry_after": 40},
            {"max_attempts": {"from": 3, "to": 5}, "dry_after": {"from": 20, "to": 40}},
            False,
        ),
    ],
    ids=["model", "sampling", "several", "format", "lookahead", "limits"],
)
def test_a_change_is_stored_with_an_event_that_has_both_values(
    context: ServiceContext, given: dict[str, Any], event: dict[str, Any], *, asked_again: bool
) -> None:
    run_id = start(context, sampling={"classify": {"temperature": 0.5}})
    for _ in range(2):
        run = resume(context, run_id, **given)
        assert run.status == Status.QUEUED
    assert changed(context, run_id) == [event]
    assert run.model == given.get("model", "scripted")
    assert run.capabilities == (None if asked_again else CAPABILITIES)
    assert RunOptions.model_validate(run.options).target == 20


@pytest.mark.parametrize(
    ("given", "field", "says"),
    [
        ({"profile": "alpaca"}, "options.profile", "can't change after the start"),
        ({"random_seed": 7}, "options.random_seed", "can't change"),
        ({"similarity_threshold": 0.5}, "options.similarity_threshold", "can't change"),
        ({"tokenizer": "rouge"}, "options.tokenizer", "can't change"),
        ({"target": 50}, "options.target", "can't change"),
        ({"modell": "x"}, "options.modell", "unknown field"),
        ({"sampling": {"generate": {"top_k": 1}}}, "options.sampling.generate.top_k", "unknown"),
        ({"sampling": {"generate": {"top_p": 3}}}, "options.sampling.generate.top_p", "less than"),
        ({"sampling": 7}, "options.sampling", ""),
    ],
)
def test_what_would_break_the_run_is_refused_and_changes_nothing(
    context: ServiceContext, given: dict[str, Any], field: str, says: str
) -> None:
    run_id = start(context)
    with pytest.raises(InvalidInput) as refused:
        resume(context, run_id, **given)
    (fault,) = refused.value.faults
    assert fault.field == field
    assert says in fault.message
    assert control.get_run(context, run_id).status == Status.PAUSED
    assert changed(context, run_id) == []


def test_an_option_that_keeps_its_value_may_be_given(context: ServiceContext) -> None:
    run_id = start(context)
    run = resume(context, run_id, target=20, profile="default", random_seed=0)
    assert (run.status, changed(context, run_id)) == (Status.QUEUED, [])


def test_a_run_at_work_is_not_changed(context: ServiceContext) -> None:
    run_id = start(context)
    change(context, run_id, status=Status.RUNNING)
    with pytest.raises(Conflict, match=f"seedbed pause {run_id}"):
        resume(context, run_id, model="other")
    assert resume(context, run_id, max_attempts=3).status == Status.RUNNING


def test_a_run_with_a_batch_at_the_provider_is_resumed_only_as_it_is(
    context: ServiceContext,
) -> None:
    run_id = start(context, batch="later_stages")
    with context.database.write() as session:
        columns = {"stage": "classify", "endpoint": "default", "requests": 3}
        session.add(Batch(id="batch_1", run_id=run_id, state="submitted", **columns))
    with pytest.raises(Conflict, match="at the provider"):
        resume(context, run_id, model="other")
    assert resume(context, run_id).status == Status.QUEUED


def test_a_cap_in_money_needs_the_price_of_the_new_model(context: ServiceContext) -> None:
    run_id = start(context, Caps(usd=Decimal(5)))
    with pytest.raises(InvalidInput) as refused:
        resume(context, run_id, model="unpriced")
    assert refused.value.faults[0].field == "budget.max_cost_usd"


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.CANCELLED, Status.CANCELLING])
def test_a_run_that_has_ended_for_good_is_not_changed(
    context: ServiceContext, status: Status
) -> None:
    run_id = start(context)
    change(context, run_id, status=status)
    with pytest.raises(Conflict):
        resume(context, run_id, model="other")
    assert control.get_run(context, run_id).model == "scripted"


def test_a_dry_run_goes_on_with_another_model(context: ServiceContext) -> None:
    run_id = start(context)
    change(context, run_id, status=Status.FAILED, end_reason="dry", unproductive_tickets=20)
    run = resume(context, run_id, model="other")
    assert (run.status, run.model, run.unproductive_tickets) == (Status.QUEUED, "other", 0)


def add_refused(context: ServiceContext, run_id: str, *stages: Stage) -> None:
    with context.database.write() as session:
        for n, stage in enumerate(stages):
            row = {"run_id": run_id, "text": "t", "neighbours": [], "completion_id": 1}
            session.add(InstructionRow(sequence=n, is_complete=False, **row))
            item = {"priority": 0, "subject": {}, "state": ItemState.REFUSED, "attempts": 3}
            session.add(WorkItem(run_id=run_id, stage=stage, ordinal=n, trouble="No.", **item))


def items(context: ServiceContext) -> list[tuple[str, str, int]]:
    with context.database.read() as session:
        found = select(WorkItem.stage, WorkItem.state, WorkItem.attempts).order_by(WorkItem.id)
        return [(stage, state, n) for stage, state, n in session.execute(found)]


def test_what_was_refused_is_asked_again_with_all_its_attempts(context: ServiceContext) -> None:
    run_id = start(context)
    add_refused(context, run_id, Stage.CLASSIFY, Stage.INSTANTIATE)
    run = resume(context, run_id)
    assert items(context) == [("classify", "open", 0), ("instantiate", "open", 0)]
    assert run.complete == 0


def test_what_was_refused_is_given_up_when_a_person_says_so(context: ServiceContext) -> None:
    run_id = start(context)
    add_refused(context, run_id, Stage.INSTANTIATE, Stage.CLASSIFY)
    run = control.resume_run(context, run_id, Resume(give_up_refused=True))
    # A task without a class gets its instances all the same.
    assert items(context) == [
        ("instantiate", "dead", 4),
        ("classify", "dead", 4),
        ("instantiate", "open", 0),
    ]
    assert run.complete == 1
