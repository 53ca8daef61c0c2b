"""Runs against endpoints that refuse things or think: what is sent, learnt, and shown."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update

from app.llm.dialects.dialect import Lesson, lessons_as_json
from app.llm.dialects.shared import DialectMemory
from app.llm.scripted.behaviours.combine import INSTANCES, first, in_method, on, playing
from app.llm.scripted.behaviours.refusals import (
    fails,
    max_tokens,
    refuses,
    refuses_system_role,
)
from app.llm.scripted.behaviours.wordings import no_logprobs
from app.llm.scripted.model import reply
from app.llm.scripted.server import Script, ScriptedCall, ScriptedReply
from app.services.runs import control
from app.store.sql import epoch_now
from app.store.tables.completions import CompletionRow
from app.store.tables.endpoints import EndpointState
from app.store.tables.runs import RunEvent
from app.store.work import endpoint_dialects
from tests.bench import Bench, OpenBench

SMALL: dict[str, Any] = {"target": 4, "lookahead": 1}


def learned_events(bench: Bench, run_id: str) -> list[dict[str, Any]]:
    with bench.context.database.read() as session:
        wanted = select(RunEvent.data).where(RunEvent.run_id == run_id, RunEvent.kind == "learned")
        return list(session.scalars(wanted.order_by(RunEvent.id)))


def needs(tokens: int) -> Callable[[Script], Script]:
    """A model that spends this many tokens on thoughts before its first word."""

    def wrap(script: Script) -> Script:
        def answer(call: ScriptedCall) -> ScriptedReply:
            if max_tokens(call) <= tokens:
                return ScriptedReply("", finish_reason="length")
            return script(call)

        return answer

    return wrap


def test_what_is_refused_is_left_out_reported_and_known_to_the_next_run(
    open_bench: OpenBench,
) -> None:
    script = playing(refuses("top_p"), refuses("logprobs"), refuses_system_role())
    with open_bench(script) as bench:
        first = bench.work(bench.start(**SMALL))
        assert first.status == "succeeded"
        assert first.capabilities == {"json_schema": True, "logprobs": False}
        learned = {(one.parameter, one.action, one.endpoint) for one in first.learned}
        assert learned == {
            ("top_p", "dropped", "default"),
            ("logprobs", "dropped", "default"),
            ("system", "folded", "default"),
        }
        events = learned_events(bench, first.id)
        assert len(events) == 3
        assert all(event["words"] for event in events)
        # As in another process: only the database knows.
        (endpoint,) = bench.context.endpoints
        vars(endpoint.dialects)["_by_model"].clear()
        before = len(bench.server.calls)
        second = bench.work(bench.start(**SMALL, random_seed=1))
        assert second.status == "succeeded"
        assert {(one.parameter, one.action, one.endpoint) for one in second.learned} == learned
        for call in bench.server.calls[before:]:
            assert not {"top_p", "logprobs"} & call.body.keys()
            assert call.messages[0].role == "user"


def test_what_is_refused_only_later_is_learnt_without_a_failed_attempt(
    open_bench: OpenBench,
) -> None:
    script = playing(on(INSTANCES, refuses("response_format", status=403)))
    with open_bench(script) as bench:
        seen = bench.work(bench.start(**SMALL))
        assert (seen.status, seen.stages["instantiate"].dead) == ("succeeded", 0)
        assert seen.capabilities == {"json_schema": True, "logprobs": True}
        assert [one.parameter for one in seen.learned] == ["response_format"]
        assert seen.progress.instances


def test_what_was_learnt_at_another_address_does_not_count(open_bench: OpenBench) -> None:
    with open_bench(playing()) as bench:
        lesson = {"parameter": "temperature", "action": "dropped", "value": None, "stage": None,
                  "words": "no"}  # fmt: skip
        elsewhere = endpoint_dialects.Known(DialectMemory("http://x/v1").address_sha256, [lesson])
        with bench.context.database.write() as session:
            endpoint_dialects.keep(session, "default", "scripted", elsewhere)
        seen = bench.work(bench.start(**SMALL))
        assert (seen.status, seen.learned) == ("succeeded", [])
        assert all("temperature" in call.body for call in bench.server.calls)


@pytest.mark.parametrize(("age_s", "is_tried"), [(7200.0, True), (60.0, False)])
def test_a_new_run_tries_again_what_was_refused_long_ago(
    open_bench: OpenBench, age_s: float, is_tried: bool
) -> None:
    with open_bench(playing()) as bench:
        (endpoint,) = bench.context.endpoints
        lesson = Lesson("response_format", "dropped", words="no", learned_at=time.time() - age_s)
        old = {**lessons_as_json([lesson])[0], "learned_at": lesson.learned_at}
        with bench.context.database.write() as session:
            known = endpoint_dialects.Known(endpoint.dialects.address_sha256, [old])
            endpoint_dialects.keep(session, "default", "scripted", known)
        seen = bench.work(bench.start(**SMALL))
        assert seen.status == "succeeded"
        assert seen.capabilities == {"json_schema": is_tried, "logprobs": True}
        with bench.context.database.read() as session:
            kept = endpoint_dialects.known(session, ["default"], "scripted")["default"].lessons
        assert bool(kept) is not is_tried


def test_what_is_refused_again_is_stored_as_learnt_now(open_bench: OpenBench) -> None:
    with open_bench(playing(refuses("top_p"))) as bench:
        before = time.time()
        lesson = {**lessons_as_json([Lesson("top_p", "dropped")])[0], "learned_at": 1.0}
        with bench.context.database.write() as session:
            here = bench.context.endpoints[0].dialects.address_sha256
            known = endpoint_dialects.Known(here, [lesson])
            endpoint_dialects.keep(session, "default", "scripted", known)
        assert bench.work(bench.start(**SMALL)).status == "succeeded"
        with bench.context.database.read() as session:
            (kept,) = endpoint_dialects.known(session, ["default"], "scripted")["default"].lessons
    assert (kept["parameter"], kept["learned_at"] >= before) == ("top_p", True)


@pytest.mark.parametrize("tokens", [300, 2000])
def test_a_thinking_model_gets_room_and_no_label_is_lost(
    open_bench: OpenBench, tokens: int
) -> None:
    """Its preflight is fine, so the need shows in the run itself."""
    script = playing(no_logprobs, in_method(on(("classify",), needs(tokens))))
    with open_bench(script) as bench:
        seen = bench.work(bench.start(**SMALL))
        assert (seen.status, seen.stages["classify"].dead, seen.funnel.unknown) == (
            "succeeded", 0, 0,
        )  # fmt: skip
        (lesson,) = {(one.parameter, one.action, one.stage) for one in seen.learned}
        assert lesson == ("max_tokens", "raised", "classify")
        raised = [event["value"] for event in learned_events(bench, seen.id)]
        assert raised == [1024, 4096][: 1 if tokens == 300 else 2]
        again = bench.work(bench.start(**SMALL, random_seed=1))
        assert again.funnel.unknown == 0
        assert max(max_tokens(call) for call in bench.server.calls[-6:]) == raised[-1]


def test_room_is_not_raised_for_ever(open_bench: OpenBench) -> None:
    script = playing(no_logprobs, in_method(on(("classify",), needs(10**9))))
    with open_bench(script) as bench:
        seen = bench.work(bench.start(**SMALL))
        assert seen.stages["classify"].dead == seen.progress.accepted
        assert [event["value"] for event in learned_events(bench, seen.id)] == [1024, 4096, 16384]


def test_a_run_that_its_first_call_keeps_waiting_says_so_meanwhile(open_bench: OpenBench) -> None:
    seen: list[Any] = []

    def script(call: ScriptedCall) -> ScriptedReply:
        if call.n == 1:
            slow = {"message": "Slow down"}
            return ScriptedReply(status=429, error=slow, headers={"Retry-After": "5.1"})
        if call.n == 2:
            seen.append(bench.view(run_id).waiting)
        return reply(call)

    with open_bench(script) as bench:
        run_id = bench.start(**SMALL)
        assert bench.work(run_id).status == "succeeded"
    assert seen[0] is not None
    assert "Slow down" in seen[0].message


def test_a_model_that_is_loading_is_waited_for_and_the_run_says_so(open_bench: OpenBench) -> None:
    body = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}
    with open_bench(playing(first(1, fails(503, body))), outage_patience_s=60.0) as bench:
        seen = bench.work(bench.start(**SMALL))
        assert (seen.status, seen.waiting) == ("succeeded", None)
        with bench.context.database.read() as session:
            wanted = select(RunEvent.data).where(RunEvent.kind == "waiting")
            (event,) = session.scalars(wanted)
        assert event["kind"] == "loading"
        assert "Loading model" in event["message"]


def test_a_loading_model_leaves_the_worker_free_and_is_waited_for_with_patience(
    open_bench: OpenBench,
) -> None:
    body = {"error": "Model is currently loading", "estimated_time": 20.0}
    loading = playing(fails(503, body))
    with open_bench(loading, outage_patience_s=60.0, slice_s=0.01) as bench:
        run_id = bench.start(**SMALL)
        seen = bench.work(run_id)
        assert seen.status == "queued"
        assert seen.waiting is not None
        assert (seen.waiting.kind, seen.budget.written_off.calls) == ("loading", 0)
        impatient = replace(bench, context=replace(bench.context, outage_patience_s=0.0))
        seen = impatient.work(run_id)
        assert (seen.status, seen.end_reason, seen.waiting) == ("paused", "provider", None)
        assert "currently loading" in (seen.message or "")
        # A person has started it again: its patience begins anew.
        with bench.context.database.write() as session:
            session.execute(update(EndpointState).values(down_since=epoch_now() - 3600))
        control.resume_run(bench.context, run_id)
        assert bench.work(run_id).status == "queued"


THINKING_OFF = {"chat_template_kwargs": {"enable_thinking": False}}


def test_further_fields_are_in_every_call_and_in_the_provenance(open_bench: OpenBench) -> None:
    with open_bench(reply, extra_body={"user": "us", "service_tier": "flex"}) as bench:
        options = {**SMALL, "reuse_replies": True, "random_seed": 5}
        plain = bench.work(bench.start(**options))
        asked = len(bench.server.calls)
        seen = bench.work(bench.start(**options, extra_body={**THINKING_OFF, "user": "me"}))
        assert (plain.status, seen.status) == ("succeeded", "succeeded")
        assert {call.body["user"] for call in bench.server.calls[:asked]} == {"us"}
        whole = {"user": "me", "service_tier": "flex", **THINKING_OFF}
        for call in bench.server.calls[asked:]:
            assert {name: call.body[name] for name in whole} == whole
        # No reply was used again: it was asked for with other fields.
        assert {call.messages[-1].content for call in bench.server.calls[asked:]} >= {
            call.messages[-1].content for call in bench.server.calls[:asked]
        }
        with bench.context.database.read() as session:
            stored = session.scalars(
                select(CompletionRow.parameters).where(CompletionRow.run_id == seen.id)
            ).all()
        assert all(one["extra_body"] == whole for one in stored)


def test_a_limit_that_a_person_fixed_stays(open_bench: OpenBench) -> None:
    script = playing(no_logprobs, in_method(on(("classify",), needs(300))))
    with open_bench(script) as bench:
        sampling = {"classify": {"max_tokens": 16}}
        seen = bench.work(bench.start(**SMALL, sampling=sampling))
        assert (seen.learned, seen.funnel.unknown) == ([], seen.progress.accepted)
