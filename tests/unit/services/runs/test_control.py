"""Starting, pausing, resuming and cancelling runs."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from app.errors import Conflict, InvalidInput, NotFound
from app.pipeline.budget import Caps
from app.pipeline.options import RunOptions
from app.services.context import ServiceContext
from app.services.runs import control, lists, seed_sets
from app.services.runs.run_request import RunRequest
from app.states import DatasetState, Status
from app.store.runs import slots
from app.store.runs.runs import Hold
from app.store.runs.slots import Slot
from app.store.tables.batches import Batch
from app.store.tables.runs import Run, RunEvent, RunSlot, SeedSet
from tests.bench import SEEDS
from tests.review_runs import some_rows, stored

CAPS = Caps(calls=7, tokens=70, usd=Decimal("0.7"))


def start(context: ServiceContext, key: str | None = None, **options: Any) -> Run:
    return control.start_run(context, RunRequest(None, SEEDS, RunOptions(**options)), key)


def set_status(context: ServiceContext, run: Run, status: Status) -> None:
    with context.database.write() as session:
        session.get_one(Run, run.id).status = status


def count(context: ServiceContext, table: type[Any]) -> int:
    with context.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def events(context: ServiceContext, run: Run) -> list[tuple[str, Any]]:
    page = lists.list_parts(context, RunEvent, run.id, cursor=None, limit=100)
    return [(event.kind, event.data) for event in page.items]


def test_a_run_is_stored_queued_with_its_slots_and_its_first_event(context: ServiceContext) -> None:
    options = RunOptions(target=9, workers=3, batch="later_stages")
    run = control.start_run(context, RunRequest(None, SEEDS, options, CAPS), None)
    assert (run.status, run.profile, run.model) == (Status.QUEUED, "default", "scripted")
    assert run.options == options.model_dump(mode="json")
    assert (run.max_calls, run.max_tokens, run.max_cost_usd) == (7, 70, Decimal("0.7"))
    assert run.batch_stages == ["classify", "instantiate"]
    assert (run.dataset_id, run.rows_to_review) == (None, None)
    assert count(context, RunSlot) == 3
    assert events(context, run) == [("status", {"status": "queued"})]
    assert control.get_run(context, run.id).id == run.id


def test_a_run_grows_a_stored_seed_set(context: ServiceContext) -> None:
    seeds, is_new = seed_sets.store_seed_set(context.database, SEEDS)
    assert is_new
    run = control.start_run(context, RunRequest(seeds.id, None, RunOptions(model="other")), None)
    assert (run.seed_set_id, run.model) == (seeds.id, "other")
    # The same seeds in the request itself are the same seed set.
    assert start(context).seed_set_id == seeds.id
    assert count(context, SeedSet) == 1
    with pytest.raises(NotFound):
        control.start_run(context, RunRequest("seeds_none", None, RunOptions()), None)


def test_a_key_starts_one_run_and_another_request_under_it_is_refused(
    context: ServiceContext,
) -> None:
    first = start(context, "key", target=9)
    assert start(context, "key", target=9).id == first.id
    with pytest.raises(Conflict, match="another request"):
        start(context, "key", target=10)
    assert start(context, None, target=9).id != first.id
    assert count(context, Run) == 2


def test_a_key_that_was_stored_before_version_2_finds_its_run(context: ServiceContext) -> None:
    request = RunRequest(None, SEEDS, RunOptions(target=9))
    first = start(context, "key", target=9)
    assert first.request_sha256 == request.hashed().current
    with context.database.write() as session:
        session.get_one(Run, first.id).request_sha256 = request.hashed().legacy
    assert start(context, "key", target=9).id == first.id


def test_a_review_needs_a_ready_data_set_with_rows(context: ServiceContext) -> None:
    def review(dataset_id: str) -> Run:
        request = RunRequest(None, None, RunOptions(profile="judge"), dataset_id=dataset_id)
        return control.start_run(context, request, None)

    dataset_id = stored(context.database, some_rows(5))
    run = review(dataset_id)
    assert (run.seed_set_id, run.dataset_id, run.rows_to_review) == (None, dataset_id, 5)
    for bad, words in (
        ("dataset_none", "there is no data set with the id 'dataset_none'"),
        (stored(context.database, some_rows(1), DatasetState.DELETED), "there is no data set"),
        (stored(context.database, some_rows(1), DatasetState.MAKING), "is making, not ready"),
        (stored(context.database, []), "has no rows"),
    ):
        with pytest.raises(InvalidInput) as refused:
            review(bad)
        (fault,) = refused.value.faults
        assert fault.field == "dataset_id"
        assert words in fault.message


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (RunRequest(None, SEEDS, RunOptions(profile="judge")), "dataset_id"),
        (RunRequest(None, None, RunOptions(), dataset_id="dataset_1"), "options.profile"),
        (RunRequest(None, SEEDS, RunOptions(filters=("unknown",))), "options.filters[0]"),
        (RunRequest(None, SEEDS, RunOptions(model="dear"), CAPS), "budget.max_cost_usd"),
    ],
)
def test_what_cannot_be_started_is_refused_and_nothing_is_stored(
    context: ServiceContext, request_: RunRequest, field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        control.start_run(context, request_, None)
    assert [fault.field for fault in refused.value.faults] == [field]
    assert (count(context, Run), count(context, SeedSet)) == (0, 0)


def test_a_run_needs_a_model(context: ServiceContext) -> None:
    nameless = replace(context, default_model=None)
    for act in (control.start_run, lambda *args: control.estimate_run(*args[:2])):
        with pytest.raises(InvalidInput) as refused:
            act(nameless, RunRequest(None, SEEDS, RunOptions()), None)
        assert [fault.field for fault in refused.value.faults] == ["options.model"]
    unpriced = Caps(calls=7, tokens=70)
    request = RunRequest(None, SEEDS, RunOptions(model="dear"), unpriced)
    assert control.start_run(nameless, request, None).model == "dear"


def test_a_run_is_paused_and_resumed(context: ServiceContext) -> None:
    run = start(context)
    for _ in range(2):
        paused = control.pause_run(context, run.id)
        assert (paused.status, paused.end_reason) == ("paused", "asked")
    with context.database.write() as session:
        stored_run = session.get_one(Run, run.id)
        stored_run.unproductive_tickets, stored_run.complete = 5, 3
    for _ in range(2):
        resumed = control.resume_run(context, run.id)
        assert (resumed.status, resumed.end_reason) == ("queued", None)
    assert (resumed.unproductive_tickets, resumed.complete_at_resume) == (0, 3)
    statuses = [data["status"] for kind, data in events(context, run) if kind == "status"]
    assert statuses == ["queued", "paused", "queued"]


def test_a_run_without_a_worker_is_cancelled_at_once(context: ServiceContext) -> None:
    run = start(context)
    for _ in range(2):
        cancelled = control.cancel_run(context, run.id)
        assert (cancelled.status, cancelled.end_reason) == ("cancelled", "cancelled")
    statuses = [data["status"] for _, data in events(context, run)]
    assert statuses == ["queued", "cancelling", "cancelled"]


def test_a_run_that_a_worker_holds_is_cancelled_by_that(context: ServiceContext) -> None:
    run = start(context)
    with context.database.write() as session:
        assert slots.take(session, Hold(run.id, 0, "token"), 30.0)
        assert slots.holder(session, Slot(run.id, 0)) == "token"
    assert control.cancel_run(context, run.id).status == "cancelling"


@pytest.mark.parametrize(
    ("status", "act", "message"),
    [
        (Status.SUCCEEDED, control.cancel_run, "A succeeded run can't be cancelled."),
        (Status.FAILED, control.cancel_run, "A failed run can't be cancelled."),
        (Status.SUCCEEDED, control.pause_run, "A succeeded run can't be paused."),
        (Status.CANCELLING, control.pause_run, "A run that is being cancelled can't be paused."),
        (Status.CANCELLED, control.resume_run, "A cancelled run can't be resumed."),
        (Status.SUCCEEDED, control.resume_run, "A succeeded run can't be resumed."),
    ],
)
def test_what_a_run_can_not_do_any_more_is_a_conflict(
    context: ServiceContext,
    status: Status,
    act: Callable[[ServiceContext, str], Run],
    message: str,
) -> None:
    run = start(context)
    set_status(context, run, status)
    with pytest.raises(Conflict) as refused:
        act(context, run.id)
    assert str(refused.value) == message
    assert control.get_run(context, run.id).status == status


@pytest.mark.parametrize("run_id", ["run_none", "\x00"])
@pytest.mark.parametrize(
    "act",
    [
        control.get_run,
        control.cancel_run,
        control.pause_run,
        control.resume_run,
        control.stop_batches,
    ],
)
def test_a_run_that_is_not_there_is_not_found(
    context: ServiceContext, act: Callable[[ServiceContext, str], Run], run_id: str
) -> None:
    with pytest.raises(NotFound):
        act(context, run_id)


def test_a_run_goes_on_without_its_batches(context: ServiceContext) -> None:
    run = start(context, batch="later_stages")
    with context.database.write() as session:
        session.add(
            Batch(id="batch_1", run_id=run.id, stage="classify", endpoint="default",
                  state="submitted", requests=3)
        )  # fmt: skip
    for _ in range(2):
        assert control.stop_batches(context, run.id).batch_stages == []
    assert [kind for kind, _ in events(context, run)] == ["status", "batches_stopped"]
