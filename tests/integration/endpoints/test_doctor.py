"""`seedbed doctor` at good and bad endpoints."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from app.cli.exits import ExitCode
from app.cli.main import app
from app.llm.scripted.behaviours.bodies import takes
from app.llm.scripted.behaviours.combine import Behaviour, first, in_method, playing, when
from app.llm.scripted.behaviours.refusals import (
    answers,
    asks_for,
    error,
    fails,
    needs_key,
    refuses,
)
from app.llm.scripted.behaviours.wordings import ignores_schema, needs_long_limit, no_logprobs
from app.llm.scripted.server import (
    ORDINARY_SITE,
    ScriptedReply,
    ScriptedServer,
    Site,
    scripted_server,
)
from app.services.runs.check_endpoint import MOST_CALLS
from app.stack.environment import variable_names

GOOD = Site(models=({"id": "scripted", "max_model_len": 8192},))
PRICES = '{"scripted": {"input_usd": 1, "output_usd": 10}}'


@pytest.fixture(autouse=True)
def _no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in variable_names().values():
        monkeypatch.delenv(name, raising=False)


@contextmanager
def endpoint(*behaviours: Behaviour, site: Site = ORDINARY_SITE) -> Iterator[ScriptedServer]:
    with scripted_server(playing(*behaviours), site=site) as server:
        yield server


def doctor(server: ScriptedServer | None, *words: str, **settings: str) -> Result:
    address = {} if server is None else {"OPENAI_BASE_URL": server.base_url}
    return CliRunner().invoke(app, ["doctor", *words], env={**address, **settings})


def found(result: Result) -> dict[str, Any]:
    (only,) = json.loads(result.stdout)["endpoints"]
    return dict(only)


def test_a_good_endpoint_gets_a_whole_report() -> None:
    with endpoint(site=GOOD) as server:
        result = doctor(server, "--json", OPENAI_API_KEY="k", SEEDBED_PRICES=PRICES)
    assert result.exit_code == ExitCode.OK, result.output
    check = found(result)
    assert (check["can_start"], check["trouble"], check["learned"]) == (True, None, [])
    assert (check["model"], check["model_is_listed"]) == ("scripted", True)
    assert (check["key_is_set"], check["price_is_set"]) == (True, True)
    assert (check["json_schema"], check["logprobs"], check["system_role"]) == (True,) * 3
    assert (check["context_tokens"], check["usage_reported"]) == (8192, True)
    assert [call["stage"] for call in check["stages"]] == ["generate", "classify", "instantiate"]
    for call in check["stages"]:
        assert call["prompt_tokens"] > call["completion_tokens"] > 0
        assert float(call["cost_usd"]) > 0
    assert check["median_s"] > 0
    assert check["tokens_per_s"] > 0
    assert check["calls"] == server.counts.calls + 1 <= MOST_CALLS


def test_the_report_for_a_person_names_what_is_missing_and_what_was_learnt() -> None:
    # What a reasoning model does.
    thinking = (no_logprobs, ignores_schema, needs_long_limit(180), refuses("max_tokens"),
                refuses("top_p"))  # fmt: skip
    with endpoint(*thinking) as server:
        result = doctor(server, "--model", "another")
    assert result.exit_code == ExitCode.OK, result.output
    said = " ".join(result.stdout.split())
    for words in (
        "API key not set (OPENAI_API_KEY)",
        "model is listed no",
        "learnt: max_tokens sent as max_completion_tokens",
        "learnt: top_p not sent",
        "raised to",
        "JSON schema no",
        "logprobs no",
        "price not set (SEEDBED_PRICES)",
        "a call of generate",
        "A run can start.",
    ):
        assert words in said
    assert server.counts.calls <= MOST_CALLS - 1


@pytest.mark.parametrize(
    ("behaviour", "setting"),
    [
        (needs_key("right"), "OPENAI_API_KEY"),
        (fails(404, error("The model does not exist", code="model_not_found")), "SEEDBED_MODEL"),
        (fails(403, error("Your account has no credit left, please add credits")), "account"),
        (fails(404, {"detail": "Not Found"}), "OPENAI_BASE_URL"),
    ],
    ids=["key", "model", "account", "address"],
)
def test_an_endpoint_at_which_no_run_could_start_names_the_setting(
    behaviour: Behaviour, setting: str
) -> None:
    with endpoint(behaviour) as server:
        result = doctor(server, "--json", OPENAI_API_KEY="wrong")
    assert result.exit_code == ExitCode.SERVICE_FAILED
    check = found(result)
    assert not check["can_start"]
    assert setting in check["trouble"]
    assert server.counts.calls < MOST_CALLS


def test_further_fields_and_headers_are_sent_as_a_run_sends_them() -> None:
    thinking_is_off = asks_for(
        lambda call: call.body.get("enable_thinking") is False and "x-team" in call.headers,
        400,
        error("enable_thinking must be false for calls that are not streamed"),
    )
    with endpoint(thinking_is_off) as server:
        refused = doctor(server, "--json")
        result = doctor(
            server,
            "--json",
            SEEDBED_EXTRA_BODY='{"enable_thinking": false}',
            SEEDBED_EXTRA_HEADERS='{"X-Team": "seeds"}',
        )
    assert refused.exit_code == ExitCode.SERVICE_FAILED
    assert "enable_thinking must be false" in found(refused)["trouble"]
    assert result.exit_code == ExitCode.OK, result.output


def test_an_endpoint_that_is_down_is_named() -> None:
    result = doctor(None, "--json", "--base-url", "http://127.0.0.1:9/v1", "--model", "m")
    assert result.exit_code == ExitCode.SERVICE_FAILED
    assert "OPENAI_BASE_URL" in found(result)["trouble"]


def test_a_model_that_is_loading_is_waited_for() -> None:
    loading = fails(503, error("Loading model"), {"Retry-After": "0.2"})
    with endpoint(first(12, loading)) as server:
        result = doctor(server, "--json", "--model", "m")
    assert result.exit_code == ExitCode.OK, result.output
    assert "The endpoint is loading the model." in result.stderr
    check = found(result)
    assert check["loading_s"] > 2.0
    assert len(check["stages"]) == 3
    assert check["calls"] <= MOST_CALLS


def test_a_model_that_loads_for_too_long_names_the_option_that_waits_longer() -> None:
    with endpoint(fails(503, {"error": "Model m is currently loading"})) as server:
        result = doctor(server, "--json", "--model", "m", "--timeout", "1")
    assert result.exit_code == ExitCode.SERVICE_FAILED
    trouble = found(result)["trouble"]
    assert trouble.startswith("The endpoint was still loading the model after 1 s. --timeout 2")
    assert "Model m is currently loading" in trouble


def test_a_model_has_to_be_chosen_where_there_are_several() -> None:
    with endpoint(site=Site(models=({"id": "a"}, {"id": "b"}))) as server:
        result = doctor(server)
    assert result.exit_code == ExitCode.SERVICE_FAILED
    assert "The endpoint has a, b. Name one with --model" in " ".join(result.stdout.split())
    assert server.counts.calls == 0


def test_an_endpoint_that_refuses_everything_gets_no_more_than_the_most_calls() -> None:
    with endpoint(fails(400, error("I am a teapot"))) as server:
        result = doctor(server, "--json", "--model", "m")
    assert result.exit_code == ExitCode.SERVICE_FAILED
    assert "teapot" in found(result)["trouble"]
    assert server.counts.calls < MOST_CALLS


def test_a_throttled_call_is_sent_again_as_in_a_run() -> None:
    once = when(lambda call: call.n == 5, fails(429, error("Slow down"), {"Retry-After": "0.1"}))
    with endpoint(in_method(once)) as server:
        result = doctor(server, "--json", "--model", "m")
    assert result.exit_code == ExitCode.OK, result.output
    assert len(found(result)["stages"]) == 3


def test_an_endpoint_that_refuses_calls_for_a_day_says_until_when() -> None:
    with endpoint(fails(429, error("Slow down"), {"Retry-After": "86400"})) as server:
        result = doctor(server, "--json", "--model", "m")
    assert result.exit_code == ExitCode.SERVICE_FAILED
    assert "It refuses calls until" in found(result)["trouble"]


def test_an_endpoint_that_hangs_names_the_option_that_waits_longer() -> None:
    with endpoint(takes(3.0)) as server:
        result = doctor(server, "--json", "--model", "m", "--timeout", "1")
    assert result.exit_code == ExitCode.SERVICE_FAILED
    assert "--timeout" in found(result)["trouble"]
    assert "SEEDBED_REQUEST_TIMEOUT_S" not in found(result)["trouble"]


@pytest.mark.parametrize("body", [b"", b"{}", b'"OK"'])
def test_an_address_at_which_no_model_answers_is_named(body: bytes) -> None:
    with endpoint(answers(ScriptedReply(raw=body))) as server:
        result = doctor(server, "--json", "--model", "m")
    assert result.exit_code == ExitCode.SERVICE_FAILED
    assert "OPENAI_BASE_URL" in found(result)["trouble"]


def test_without_an_endpoint_it_says_what_to_set() -> None:
    result = doctor(None)
    assert result.exit_code == ExitCode.BAD_USAGE
    assert "OPENAI_BASE_URL" in result.stderr


def test_of_several_endpoints_a_broken_one_is_named_and_has_an_exit_code_of_its_own() -> None:
    with endpoint() as fine, endpoint(fails(402, error("Insufficient Balance"))) as broken:
        addresses = {"broken": broken.base_url, "fine": fine.base_url}
        given = [{"name": name, "base_url": url} for name, url in addresses.items()]
        several = {"SEEDBED_ENDPOINTS": json.dumps(given), "SEEDBED_MODEL": "scripted"}
        as_json = doctor(None, "--json", **several)
        shown = doctor(None, **several)
    assert (as_json.exit_code, shown.exit_code) == (ExitCode.PARTLY, ExitCode.PARTLY)
    document = json.loads(as_json.stdout)
    assert document["can_start"] is True
    assert [one["can_start"] for one in document["endpoints"]] == [False, True]
    words = " ".join(shown.stdout.split())
    assert "Runs leave this endpoint out. The endpoint answered 402: Insufficient Balance" in words
    assert "A run can start: 1 of 2 endpoints can be used." in words
