"""Endpoints that answer badly, refuse, or are down: what a run does and reports."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import select

from app.llm.openai_provider import OpenAIProvider
from app.llm.scripted.model import reply
from app.llm.scripted.server import ScriptedCall, ScriptedReply
from app.services.runs import control
from app.store.tables.completions import CompletionRow
from app.store.tables.instructions import InstructionRow, Rejection
from app.store.tables.runs import RunEvent
from app.store.tables.work import WorkItem
from tests.bench import OpenBench, after_looks
from tests.conftest import MOSTLY_POSTGRESQL

pytestmark = MOSTLY_POSTGRESQL


def _is_preflight(call: ScriptedCall) -> bool:
    return "stone" in "".join(message.content for message in call.messages)


def _after_preflight(
    answer: Callable[[ScriptedCall], ScriptedReply],
) -> Callable[..., ScriptedReply]:
    return lambda call: reply(call) if _is_preflight(call) else answer(call)


@pytest.mark.parametrize(
    "nonsense",
    [
        ScriptedReply(""),
        ScriptedReply("I am not able to do that."),
        ScriptedReply('{"instructions": "none"}'),
        ScriptedReply('{"instructions": [1, null, {"a": []}, "Short."]}'),
        ScriptedReply("\x00\ud800 \ufffd" * 50),
        ScriptedReply(raw=b'{"choices": [{"message": {"content": "hal'),
        ScriptedReply("1. A task that is cut off in the mid", finish_reason="length"),
        ScriptedReply(raw=b'{"x": "' + b"a" * 10_000_000 + b'"}'),
    ],
    ids=[
        "empty", "refusal", "wrong json", "wrong items", "odd bytes", "broken json",
        "cut off", "10 MB",
    ],
)  # fmt: skip
def test_a_model_that_only_answers_nonsense_ends_the_run_as_dry_within_bounded_calls(
    open_bench: OpenBench, nonsense: ScriptedReply
) -> None:
    with open_bench(_after_preflight(lambda _: nonsense)) as bench:
        run_id = bench.start(target=1000, dry_after=4, max_attempts=2, lookahead=4)
        seen = bench.work(run_id)
        # 2 of the preflight, 3 of the calibration, and at most dry_after + lookahead tickets, each
        # with its attempts.
        assert bench.server.counts.calls <= 2 + 2 * (3 + 4 + 4)
    assert (seen.status, seen.end_reason) == ("failed", "dry")
    assert seen.message is not None
    assert "brought no acceptable instruction" in seen.message
    assert seen.funnel.accepted == 0


def test_a_model_that_never_gives_an_instance_ends_the_run_as_dry(open_bench: OpenBench) -> None:
    def script(call: ScriptedCall) -> ScriptedReply:
        answer = reply(call)
        return (
            ScriptedReply("I would rather not.") if "instances" in (answer.text or "") else answer
        )

    with open_bench(script) as bench:
        run_id = bench.start(target=1000, dry_after=5)
        seen = bench.work(run_id)
        # Nothing is asked any more once the end is known.
        assert seen.progress.complete < 5 + bench.context.concurrency
        assert bench.server.counts.calls < 100
    assert (seen.status, seen.end_reason) == ("failed", "dry")
    assert seen.funnel.instances_rejected["unreadable"] >= 5


def test_nonsense_now_and_then_is_rejected_with_its_reason_and_the_run_goes_on(
    open_bench: OpenBench,
) -> None:
    def script(call: ScriptedCall) -> ScriptedReply:
        return ScriptedReply("Hm.") if call.n % 5 == 0 else reply(call)

    with open_bench(_after_preflight(script)) as bench:
        run_id = bench.start(target=30)
        assert bench.work(run_id).status == "succeeded"
        with bench.context.database.read() as session:
            reasons = set(session.scalars(select(Rejection.reason)))
    assert "unreadable" in reasons


def test_an_unreadable_classification_is_asked_again_and_else_stays_unknown(
    open_bench: OpenBench,
) -> None:
    asked: dict[str, int] = {}

    def script(call: ScriptedCall) -> ScriptedReply:
        words = call.messages[0].content + call.messages[-1].content
        if not call.messages[0].content.startswith("You sort tasks"):
            return replace(reply(call), top_logprobs=None)
        asked[words] = asked.get(words, 0) + 1
        stubborn = "Decide" in call.messages[-1].content
        return ScriptedReply("Maybe" if stubborn or asked[words] == 1 else "No")

    with open_bench(script) as bench:
        run_id = bench.start(target=20, max_attempts=3)
        seen = bench.work(run_id)
        with bench.context.database.read() as session:
            unknown = session.scalars(
                select(InstructionRow.text).where(InstructionRow.is_classification.is_(None))
            ).all()
    assert seen.status == "succeeded"
    assert set(asked.values()) == {2, 3}
    assert seen.funnel.unknown == len(unknown) > 0
    assert all("Decide" in text for text in unknown)


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (
            ScriptedReply(status=401, error={"message": "Incorrect API key: sk-very-secret-key"}),
            "OPENAI_API_KEY",
        ),
        (
            ScriptedReply(
                status=404, error={"message": "no such model", "code": "model_not_found"}
            ),
            "SEEDBED_MODEL",
        ),
        (
            ScriptedReply(
                status=429,
                error={"message": "You exceeded your quota", "code": "insufficient_quota"},
            ),
            "quota",
        ),
    ],
    ids=["wrong key", "unknown model", "no quota"],
)
def test_an_endpoint_that_refuses_pauses_the_run_at_once_with_what_to_set(
    open_bench: OpenBench, refusal: ScriptedReply, words: str
) -> None:
    with open_bench(lambda _: refusal) as bench:
        run_id = bench.start(target=50)
        seen = bench.work(run_id)
        assert bench.server.counts.calls <= 3
    assert (seen.status, seen.end_reason) == ("paused", "provider")
    assert seen.message is not None
    assert words in seen.message


def test_a_refusal_in_the_middle_pauses_and_the_resumed_run_ends_as_if_nothing_had_been(
    open_bench: OpenBench,
) -> None:
    refused = ScriptedReply(status=401, error={"message": "The key was revoked."})
    away = {"from": 10**9}

    def script(call: ScriptedCall) -> ScriptedReply:
        return refused if call.n > away["from"] else reply(call)

    with open_bench(script) as bench:
        whole = bench.start(target=25, random_seed=3)
        bench.work(whole)
        away["from"] = bench.server.counts.calls + 30
        run_id = bench.start(target=25, random_seed=3)
        seen = bench.work(run_id)
        assert seen.status == "paused"
        assert 0 < seen.funnel.asked < 60
        away["from"] = 10**9
        control.resume_run(bench.context, run_id)
        assert bench.work(run_id).status == "succeeded"
        assert bench.alpaca(run_id) == bench.alpaca(whole)


def test_an_endpoint_that_is_not_there_pauses_the_run(open_bench: OpenBench) -> None:
    nowhere = "http://127.0.0.1:9/v1"
    with open_bench(
        reply, provider_for=lambda model: lambda: OpenAIProvider(nowhere, None, model, 2.0)
    ) as bench:
        seen = bench.work(bench.start(target=5))
    assert (seen.status, seen.end_reason) == ("paused", "provider")
    assert "OPENAI_BASE_URL" in (seen.message or "")


def test_an_outage_in_the_middle_is_waited_out_and_no_item_is_given_up(
    open_bench: OpenBench,
) -> None:
    def script(call: ScriptedCall) -> ScriptedReply:
        away = 20 < call.n < 27
        return ScriptedReply(status=503, error={"message": "busy"}) if away else reply(call)

    with open_bench(script, outage_patience_s=60.0) as bench:
        run_id = bench.start(target=20, max_attempts=3)
        seen = bench.work(run_id)
    assert seen.status == "succeeded"
    assert sum(counts.dead for counts in seen.stages.values()) == 0


def test_a_gateways_web_page_counts_as_an_outage(open_bench: OpenBench) -> None:
    page = ScriptedReply(raw=b"<html>In maintenance</html>", content_type="text/html")
    with open_bench(lambda call: page if call.n > 10 else reply(call)) as bench:
        seen = bench.work(bench.start(target=50))
    assert seen.status == "paused"
    assert "In maintenance" in (seen.message or "")


def test_a_long_outage_pauses_the_run_in_the_providers_words(open_bench: OpenBench) -> None:
    away = ScriptedReply(status=503, error={"message": "the furnace is being swept"})
    with open_bench(
        lambda call: away if call.n > 10 else reply(call), outage_patience_s=1.0
    ) as bench:
        seen = bench.work(bench.start(target=50))
        # One call at a time finds out whether the endpoint is back.
        assert bench.server.counts.calls < 40
    assert seen.status == "paused"
    assert "the furnace is being swept" in (seen.message or "")


def test_no_secret_is_in_any_row_event_or_message(open_bench: OpenBench) -> None:
    leak = {"message": "Incorrect API key provided: sk-very-secret-key"}
    with open_bench(
        lambda call: ScriptedReply(status=401, error=leak) if call.n > 30 else reply(call)
    ) as bench:
        run_id = bench.start(target=50)
        seen = bench.work(run_id)
        said = [seen.message or ""]
        with bench.context.database.read() as session:
            for table in (RunEvent, CompletionRow, Rejection, WorkItem):
                said += [str(vars(row)) for row in session.scalars(select(table)).all()]
    assert seen.status == "paused"
    assert not any("very-secret" in text for text in said)


def test_cancelling_ends_the_run_and_keeps_what_it_made(open_bench: OpenBench) -> None:
    with open_bench(reply) as bench:
        run_id = bench.start(target=1000)
        bench.work(run_id, after_looks(12))
        assert control.cancel_run(bench.context, run_id).status == "cancelled"
        assert control.cancel_run(bench.context, run_id).status == "cancelled"
        before = bench.view(run_id)
        assert bench.work(run_id).funnel == before.funnel
    assert before.funnel.accepted > 0


def test_a_defect_pauses_the_run_instead_of_paying_for_the_same_calls_for_ever(
    open_bench: OpenBench,
) -> None:
    def broken(_model: str) -> Callable[[], OpenAIProvider]:
        raise KeyError("a defect")

    with open_bench(reply, provider_for=broken) as bench:
        seen = bench.work(bench.start(target=5))
    assert (seen.status, seen.end_reason) == ("paused", "defect")
    assert "log" in (seen.message or "")
