"""Whole runs whose calls are refused: they pause with the provider's words, and lose nothing."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from app.llm.scripted.model import reply
from app.llm.scripted.server import ScriptedCall, ScriptedReply
from app.services.runs import control
from app.services.runs.control import Resume
from app.states import ItemState
from app.store.database import Database
from app.store.datasets.dataset_rows import requested_models
from app.store.tables.completions import CompletionRow
from app.store.tables.instructions import InstructionRow
from app.store.tables.runs import RunEvent
from app.store.tables.work import WorkItem
from tests import review_runs
from tests.bench import OpenBench

Refuses = Callable[[ScriptedCall], bool]
OPTIONS: dict[str, Any] = {"target": 8, "random_seed": 4, "lookahead": 4}


def has(*words: str) -> Refuses:
    """Refuse the calls in which one of these stands."""
    return lambda call: any(word in message.content for message in call.messages for word in words)


def is_preflight(call: ScriptedCall) -> bool:
    return has("stone")(call)


def asks_for_instances(call: ScriptedCall) -> bool:
    return has("<output>", "instances")(call) and not has("classification task")(call)


def first_of(kind: Refuses) -> Refuses:
    """Refuse the first call of a kind, and every repetition of it."""
    first: list[str] = []

    def refuses(call: ScriptedCall) -> bool:
        text = call.messages[-1].content
        if not is_preflight(call) and kind(call):
            first[:] = first or [text]
        return [text] == first

    return refuses


class Endpoint:
    """Refuses some calls while it is broken."""

    def __init__(self, refuses: Refuses, words: str, status: int = 400) -> None:
        self.is_broken = True
        self.refused = 0
        self._refuses = refuses
        self._words = words
        self._status = status

    def __call__(self, call: ScriptedCall) -> ScriptedReply:
        if not self.is_broken or is_preflight(call) or not self._refuses(call):
            return reply(call)
        self.refused += 1
        words = self._words.replace("#", str(call.n))
        return ScriptedReply(status=self._status, error={"message": words})


def always(_: ScriptedCall) -> bool:
    return True


SHAPES: dict[str, tuple[Refuses, str, int]] = {
    "system role": (always, "System role not supported", 400),
    "context too small": (
        has("new tasks", "task 1", "Come up with"),
        "max_tokens is too large: 1024. This model's maximum context length is # tokens.",
        400,
    ),
    "a crashed model": (lambda call: call.n > 14, "Engine process died, id req_#", 422),
    "classification only": (has("classification task"), "Only one turn is allowed (#)", 400),
    "instances only": (has("instances", "<output>"), "This worker has no memory left: # MB", 400),
    "too large": (lambda call: call.n > 20, "Payload too large (# bytes)", 413),
}


@pytest.fixture(scope="module")
def undisturbed() -> list[str]:
    """The data set of a run that nothing disturbed, once one was made."""
    return []


@pytest.mark.parametrize("shape", SHAPES)
def test_a_run_pauses_with_the_words_and_its_data_set_is_as_if_nothing_had_been(
    open_bench: OpenBench, shape: str, undisturbed: list[str]
) -> None:
    refuses, words, status = SHAPES[shape]
    endpoint = Endpoint(refuses, words, status)
    with open_bench(endpoint) as bench:
        run_id = bench.start(**OPTIONS)
        paused = bench.work(run_id)
        assert (paused.status, paused.end_reason) == ("paused", "provider")
        assert words.partition("#")[0] in (paused.message or "")
        assert f"`seedbed resume {run_id}`" in (paused.message or "")
        assert sum(counts.dead for counts in paused.stages.values()) == 0
        assert endpoint.refused < 40
        with bench.context.database.read() as session:
            complete = select(InstructionRow.is_complete)
            assert sum(session.scalars(complete)) == paused.progress.complete
        endpoint.is_broken = False
        control.resume_run(bench.context, run_id)
        seen = bench.work(run_id)
        assert (seen.status, seen.progress.complete) == ("succeeded", 8)
        if not undisturbed:
            undisturbed.append(bench.start(**OPTIONS))
            assert bench.work(undisturbed[0]).status == "succeeded"
            undisturbed[0] = bench.alpaca(undisturbed[0])
        assert bench.alpaca(run_id) == undisturbed[0]


def test_a_run_does_not_succeed_while_accepted_instructions_lack_their_instances(
    open_bench: OpenBench,
) -> None:
    endpoint = Endpoint(first_of(asks_for_instances), "I have a bad day.")
    with open_bench(endpoint) as bench:
        run_id = bench.start(**OPTIONS)
        paused = bench.work(run_id)
        assert (paused.status, paused.end_reason) == ("paused", "provider")
        assert "1 accepted instructions have no instances" in (paused.message or "")
        assert "I have a bad day." in (paused.message or "")
        assert paused.progress.complete == 7
        assert paused.stages["instantiate"].refused == 1
        assert endpoint.refused == 3
        endpoint.is_broken = False
        control.resume_run(bench.context, run_id)
        seen = bench.work(run_id)
        assert (seen.status, seen.progress.complete) == ("succeeded", 8)


def test_a_text_that_the_filter_refuses_is_given_up_and_the_run_succeeds(
    open_bench: OpenBench,
) -> None:
    is_filtered = first_of(asks_for_instances)

    def script(call: ScriptedCall) -> ScriptedReply:
        error = {"message": "Not this.", "code": "content_filter"}
        return ScriptedReply(status=400, error=error) if is_filtered(call) else reply(call)

    with open_bench(script) as bench:
        seen = bench.work(bench.start(**OPTIONS))
    assert (seen.status, seen.progress.complete) == ("succeeded", 8)
    assert "Calls given up: 1" in (seen.message or "")
    assert "Not this." in (seen.message or "")


def test_a_bad_ticket_among_good_ones_is_given_up(open_bench: OpenBench) -> None:
    one_prompt = first_of(has("new tasks", "Come up with"))
    with open_bench(Endpoint(one_prompt, "Not with these examples.")) as bench:
        # So many that each of the first tickets is needed, whichever is refused.
        run_id = bench.start(**{**OPTIONS, "target": 60})
        seen = bench.work(run_id)
        assert seen.status == "succeeded", seen.message
        with bench.context.database.read() as session:
            states = session.scalars(select(WorkItem.state).where(WorkItem.stage == "generate"))
            assert list(states).count(ItemState.DEAD) == 1


def test_rows_of_a_review_wait_when_refused_and_too_long_ones_are_given_up(
    open_bench: OpenBench, database: Database
) -> None:
    words = {1: "maximum context length is 512", 4: "This worker is out of order."}
    broken = [True]

    def script(call: ScriptedCall) -> ScriptedReply:
        n = None if is_preflight(call) else review_runs.number_of(call)
        if n in words and (broken[0] or n == 1):
            return ScriptedReply(status=400, error={"message": words[n]})
        return reply(call) if n is None else review_runs.judge(call)

    with open_bench(script) as bench:
        dataset_id = review_runs.stored(database, review_runs.some_rows(6))
        run_id = review_runs.start(bench, dataset_id, "judge")
        paused = bench.work(run_id)
        assert (paused.status, paused.progress.complete) == ("paused", 5)
        assert "1 rows are not reviewed" in (paused.message or "")
        assert "out of order" in (paused.message or "")
        broken[0] = False
        control.resume_run(bench.context, run_id)
        seen = bench.work(run_id)
        assert (seen.status, seen.progress.complete) == ("succeeded", 6)


def test_a_paused_run_goes_on_with_another_model_and_every_reply_names_its_own(
    open_bench: OpenBench,
) -> None:
    def script(call: ScriptedCall) -> ScriptedReply:
        if call.model == "small" and call.n > 14:
            return ScriptedReply(status=400, error={"message": "small is at its end"})
        return reply(call)

    with open_bench(script, default_model="small") as bench:
        run_id = bench.start(**OPTIONS)
        assert bench.work(run_id).status == "paused"
        changes: dict[str, Any] = {
            "model": "big",
            "answer_format": "marked_text",
            "sampling": {"generate": {"temperature": 0.9}},
        }
        control.resume_run(bench.context, run_id, Resume(changes))
        seen = bench.work(run_id)
        assert (seen.status, seen.progress.complete, seen.model) == ("succeeded", 8, "big")
        with bench.context.database.read() as session:
            assert requested_models(session, run_id) == ["small", "big"]
            stored = select(CompletionRow).order_by(CompletionRow.id)
            replies = list(session.scalars(stored))
            stages = select(WorkItem.stage, WorkItem.ordinal)
            classified = [n for stage, n in session.execute(stages) if stage == "classify"]
            kinds = list(session.scalars(select(RunEvent.kind).order_by(RunEvent.id)))
        asked = [str(one.requested_model) for one in replies]
        assert asked == sorted(asked, reverse=True), "first small, then big"
        of_big = [one for one in replies if one.requested_model == "big"]
        # The new model is tested, and its bias is measured.
        assert {"preflight", "calibrate"} <= {one.stage for one in of_big}
        generated = [one for one in of_big if one.stage == "generate"]
        assert all(one.parameters["temperature"] == 0.9 for one in generated)
        assert sorted(classified) == list(range(8)), "each instruction is classified once"
        assert [kind for kind in kinds if kind in {"preflight", "changed", "calibrated"}] == [
            "preflight", "calibrated", "changed", "preflight", "calibrated",
        ]  # fmt: skip
        assert all(call.schema is None for call in bench.server.calls if is_big_work(call))


def test_other_further_fields_are_tested_and_the_bias_is_measured_with_them(
    open_bench: OpenBench,
) -> None:
    quiet: dict[str, Any] = {"chat_template_kwargs": {"enable_thinking": False}}

    def script(call: ScriptedCall) -> ScriptedReply:
        if "chat_template_kwargs" in call.body:
            # Without thoughts, it leans to Yes.
            given = reply(call)
            return (
                replace(given, top_logprobs={"Yes": -0.1, "No": -2.1})
                if (given.top_logprobs)
                else given
            )
        if call.n > 14:
            return ScriptedReply(status=400, error={"message": "thoughts are at their end"})
        return reply(call)

    with open_bench(script) as bench:
        run_id = bench.start(**OPTIONS)
        assert bench.work(run_id).status == "paused"
        control.resume_run(bench.context, run_id, Resume({"extra_body": quiet}))
        assert bench.work(run_id).status == "succeeded"
        with bench.context.database.read() as session:
            of_run = RunEvent.run_id == run_id, RunEvent.kind == "calibrated"
            stored = select(RunEvent.data).where(*of_run).order_by(RunEvent.id)
            first, second = (data["bias"] for data in session.scalars(stored))
    assert first < 0
    assert second == pytest.approx(2.0)


@pytest.mark.parametrize("is_paused", [True, False], ids=["paused", "running"])
def test_the_bias_is_measured_anew_when_a_setting_alone_changes_the_further_fields(
    open_bench: OpenBench, is_paused: bool
) -> None:
    quiet: dict[str, Any] = {"chat_template_kwargs": {"enable_thinking": False}}

    def script(call: ScriptedCall) -> ScriptedReply:
        given = reply(call)
        if "chat_template_kwargs" in call.body and given.top_logprobs:
            return replace(given, top_logprobs={"Yes": -0.1, "No": -2.1})
        return given

    with open_bench(script, concurrency=1) as bench:
        run_id = bench.start(**OPTIONS)
        bench.work(run_id, stop=lambda: bench.view(run_id).progress.accepted > 0)
        if is_paused:
            control.pause_run(bench.context, run_id)
        changed = replace(bench, context=replace(bench.context, extra_body=quiet))
        if is_paused:
            control.resume_run(changed.context, run_id)
        assert changed.work(run_id).status == "succeeded"
        with bench.context.database.read() as session:
            of_run = RunEvent.run_id == run_id, RunEvent.kind == "calibrated"
            stored = select(RunEvent.data).where(*of_run).order_by(RunEvent.id)
            biases = [data["bias"] for data in session.scalars(stored)]
    assert biases[-1] == pytest.approx(2.0)
    assert len(biases) == 2


def is_big_work(call: ScriptedCall) -> bool:
    return call.model == "big" and not is_preflight(call)
