"""Several endpoints, of which one refuses every call: the run goes on at the others."""

from collections.abc import Callable
from typing import Any

import pytest

from app.llm.openai_provider import OpenAIProvider
from app.llm.parallel.calls import Endpoint
from app.llm.provider import Provider
from app.llm.scripted.behaviours.combine import Behaviour, after, first, in_method, playing
from app.llm.scripted.behaviours.refusals import error, fails
from app.llm.scripted.server import ScriptedServer, scripted_server
from app.services.runs import control
from tests.bench import Bench, OpenBench
from tests.integration.endpoints.runs import PLAIN, SMALL, Switch, events, work

BROKE = fails(402, error("Insufficient Balance"))
QUOTA = fails(
    429, error("You exceeded your current quota, please check your plan and billing details.",
               code="insufficient_quota", type="insufficient_quota"),
)  # fmt: skip
NO_MODEL = fails(404, error("The model `scripted` does not exist", code="model_not_found"))
CRASHED = fails(400, error("The model has crashed without additional information."))
LOADING = fails(503, error("Loading model", type="unavailable_error"))


def set_aside(bench: Bench, run_id: str) -> list[dict[str, Any]]:
    """Return the events about endpoints that were set aside."""
    return [data for kind, data in events(bench, run_id) if kind == "endpoint_set_aside"]


def endpoint_of(name: str, server: ScriptedServer) -> Endpoint:
    return Endpoint(name, lambda model: lambda: OpenAIProvider(server.base_url, "k", model, 10.0))


@pytest.mark.parametrize(
    ("broken", "words", "place"),
    [
        (BROKE, "Insufficient Balance", 0),
        (in_method(after(6, BROKE)), "Insufficient Balance", 0),
        (in_method(after(6, QUOTA)), "exceeded your current quota", 1),
        (NO_MODEL, "does not exist", 1),
        (in_method(after(6, NO_MODEL)), "does not exist", 0),
        (in_method(after(4, CRASHED)), "model has crashed", 0),
    ],
    ids=["empty", "empty in the run", "quota in the run", "no model", "model gone", "crashed"],
)
def test_an_endpoint_that_refuses_every_call_is_set_aside(
    open_bench: OpenBench, broken: Behaviour, words: str, place: int
) -> None:
    with (
        scripted_server(playing(*PLAIN)) as fine,
        scripted_server(playing(*PLAIN, broken)) as bad,
    ):
        endpoints = [endpoint_of("fine", fine)]
        endpoints.insert(place, endpoint_of("broken", bad))
        with open_bench(playing(*PLAIN), endpoints=endpoints) as bench:
            run_id = bench.start(**{**SMALL, "target": 8})
            seen = work(bench, run_id)
            (found,) = set_aside(bench, run_id)
            lost = [data for kind, data in events(bench, run_id) if kind == "given_up"]
    assert (seen.status, seen.end_reason) == ("succeeded", "target_met"), seen.message
    assert not any("endpoint" in data["trouble"] for data in lost)
    assert found["endpoint"] == "broken"
    assert words in found["message"]
    assert [one.endpoint for one in seen.set_aside] == ["broken"]


def test_a_run_pauses_when_no_endpoint_is_left_and_asks_all_again_when_resumed(
    open_bench: OpenBench,
) -> None:
    empty, gone = Switch(in_method(after(6, BROKE))), Switch(in_method(after(12, NO_MODEL)))
    with (
        scripted_server(playing(*PLAIN, empty)) as one,
        scripted_server(playing(*PLAIN, gone)) as other,
    ):
        endpoints = [endpoint_of("one", one), endpoint_of("other", other)]
        with open_bench(playing(*PLAIN), endpoints=endpoints) as bench:
            run_id = bench.start(**{**SMALL, "target": 20})
            seen = work(bench, run_id)
            assert (seen.status, seen.end_reason) == ("paused", "provider")
            assert "Endpoint one: The endpoint answered 402: Insufficient Balance." in (
                seen.message or ""
            )
            assert "Endpoint other: The endpoint answered 404" in (seen.message or "")
            empty.is_on = False
            before = one.counts.calls
            control.resume_run(bench.context, run_id)
            seen = work(bench, run_id)
            assert [data["endpoint"] for data in set_aside(bench, run_id)] == [
                "one", "other", "other",
            ]  # fmt: skip
            lost = [data for kind, data in events(bench, run_id) if kind == "given_up"]
    assert (seen.status, seen.end_reason) == ("succeeded", "target_met"), seen.message
    assert not any("endpoint" in data["trouble"] for data in lost)
    assert one.counts.calls > before


def test_a_loading_endpoint_is_waited_for_although_the_other_refuses_every_call(
    open_bench: OpenBench,
) -> None:
    with (
        scripted_server(playing(*PLAIN, BROKE)) as empty,
        scripted_server(playing(*PLAIN, first(1, LOADING))) as loads,
    ):
        endpoints = [endpoint_of("empty", empty), endpoint_of("loads", loads)]
        with open_bench(playing(*PLAIN), endpoints=endpoints) as bench:
            run_id = bench.start(**SMALL)
            seen = work(bench, run_id)
    assert (seen.status, seen.end_reason) == ("succeeded", "target_met"), seen.message
    assert empty.counts.calls == 1, "it is not asked again"


def test_an_endpoint_whose_address_cannot_be_used_is_set_aside(open_bench: OpenBench) -> None:
    def unusable(_model: str) -> Callable[[], Provider]:
        return lambda: OpenAIProvider("http://[bad", "k", "scripted", 10.0)

    with scripted_server(playing(*PLAIN)) as fine:
        endpoints = [Endpoint("bad", unusable), endpoint_of("fine", fine)]
        with open_bench(playing(*PLAIN), endpoints=endpoints) as bench:
            run_id = bench.start(**SMALL)
            seen = work(bench, run_id)
            (found,) = set_aside(bench, run_id)
    assert (seen.status, seen.end_reason) == ("succeeded", "target_met"), seen.message
    assert "OPENAI_BASE_URL is not an address" in found["message"]


def test_a_run_pauses_at_once_when_a_loading_endpoint_asks_for_a_day(
    open_bench: OpenBench,
) -> None:
    loading = fails(503, error("Loading model"), {"Retry-After": "86400"})
    with open_bench(playing(*PLAIN, loading), outage_patience_s=900.0) as bench:
        run_id = bench.start(**SMALL)
        seen = work(bench, run_id)
        assert bench.server.counts.calls == 1
    assert (seen.status, seen.end_reason) == ("paused", "provider")
    assert "Loading model. Is the endpoint up? It refuses calls until" in (seen.message or "")
