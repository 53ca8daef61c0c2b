"""Refused calls, waits and changes of a run, on a real PostgreSQL too: its queries are stricter."""

from sqlalchemy import select

from app.llm.scripted.model import reply
from app.llm.scripted.server import ScriptedCall, ScriptedReply
from app.services.runs import control
from app.services.runs.control import Resume
from app.states import WaitKind
from app.store.runs import waiting
from app.store.runs.waiting import Wait
from app.store.tables.runs import RunEvent
from tests.bench import OpenBench
from tests.conftest import MOSTLY_POSTGRESQL

pytestmark = MOSTLY_POSTGRESQL


def asks_for_instances(call: ScriptedCall) -> bool:
    text = "\n".join(message.content for message in call.messages)
    return ("instances" in text or "<output>" in text) and not (
        "stone" in text or "classification task" in text
    )


def test_a_run_waits_pauses_for_refusals_and_goes_on_with_another_model(
    open_bench: OpenBench,
) -> None:
    first: list[str] = []

    def script(call: ScriptedCall) -> ScriptedReply:
        text = call.messages[-1].content
        if asks_for_instances(call):
            first[:] = first or [text]
        if [text] == first and call.model == "scripted":
            return ScriptedReply(status=400, error={"message": "Not today."})
        return reply(call)

    with open_bench(script) as bench:
        run_id = bench.start(target=6, random_seed=4)
        with bench.context.database.write() as session:
            waiting.begin(session, run_id, Wait(WaitKind.OUTAGE, "No route to host.", 7.0))
        assert bench.view(run_id).waiting is not None
        paused = bench.work(run_id)
        assert paused.waiting is None
        assert (paused.status, paused.progress.complete) == ("paused", 5)
        assert "1 accepted instructions have no instances" in (paused.message or "")
        control.resume_run(bench.context, run_id, Resume({"model": "another"}))
        seen = bench.work(run_id)
        assert (seen.status, seen.model, seen.progress.complete) == ("succeeded", "another", 6)
        with bench.context.database.read() as session:
            kinds = set(session.scalars(select(RunEvent.kind)))
    assert {"waiting", "waiting_ended", "refused", "changed", "calibrated"} <= kinds


def test_what_was_refused_can_be_given_up(open_bench: OpenBench) -> None:
    def script(call: ScriptedCall) -> ScriptedReply:
        if asks_for_instances(call):
            return ScriptedReply(status=400, error={"message": f"Not today ({call.n})."})
        return reply(call)

    with open_bench(script) as bench:
        run_id = bench.start(target=2, random_seed=4, max_attempts=2)
        paused = bench.work(run_id)
        assert (paused.status, paused.end_reason) == ("paused", "provider")
        assert "Not today" in (paused.message or "")
        control.resume_run(bench.context, run_id, Resume(give_up_refused=True))
        seen = bench.work(run_id)
    assert (seen.status, seen.end_reason) == ("failed", "dry")
    assert "Calls given up: 2" in (seen.message or "")
    assert "Not today" in (seen.message or "")
