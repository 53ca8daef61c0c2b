"""The preflight against endpoints that can, cannot, and will not."""

import time
from collections.abc import Sequence

import pytest

from app.errors import Outage, ProviderError, RunError, Throttled
from app.llm.dialects.shared import SharedDialect
from app.llm.openai_provider import OpenAIProvider
from app.llm.preflight.preflight import Caller, Preflight, preflight
from app.llm.preflight.questions import Question, keywords_of
from app.llm.scripted.behaviours.combine import Applies, playing, when
from app.llm.scripted.behaviours.refusals import (
    error,
    fails,
    has_system,
    refuses,
    refuses_schema_keyword,
    refuses_system_role,
)
from app.llm.scripted.server import Script, ScriptedCall, ScriptedReply, scripted_server
from app.pipeline.options import ProfileName, RunOptions
from app.pipeline.types import Capabilities, ChatPrompt, Request, Stage, TextPrompt
from app.services.generation.start.sample_requests import questions_of

TOPS = {"Yes": -0.1, "No": -2.5}
DEFAULT = questions_of(RunOptions())


def able(call: ScriptedCall) -> ScriptedReply:
    if call.schema is not None:
        return ScriptedReply('{"verdict": "yes"}')
    return ScriptedReply("Yes", top_logprobs=TOPS if call.parameters.get("logprobs") else None)


def plain(call: ScriptedCall) -> ScriptedReply:
    """Ignores what it does not know, as many servers do."""
    return ScriptedReply("Yes, it is." if call.endpoint == "chat" else " heavy")


class Learned:
    """A preflight that has ended, and what the server saw of it."""

    def __init__(
        self,
        script: Script,
        questions: Sequence[Question] = DEFAULT,
        patience_s: float = 5.0,
        *,
        may_ask: bool = True,
    ) -> None:
        dialect = SharedDialect()
        with scripted_server(script) as server:
            self.result: Preflight = preflight(
                lambda: OpenAIProvider(server.base_url, None, "m", 5, dialect),
                questions,
                dialect,
                patience_s,
                Caller(may_ask=lambda _: may_ask),
            )
            self.calls = server.calls
        self.lessons = {(one.parameter, one.action) for one in dialect.now.lessons}
        self.rooms = {one.stage: one.value for one in dialect.now.lessons if one.stage}

    @property
    def can(self) -> Capabilities:
        if self.result.trouble is not None:
            raise self.result.trouble
        return self.result.capabilities


def test_an_endpoint_that_can_do_both_is_asked_twice_and_both_replies_are_kept() -> None:
    learned = Learned(able)
    assert learned.can == Capabilities(json_schema=True, logprobs=True)
    assert len(learned.calls) == len(learned.result.probes) == 2
    first, second = learned.result.probes
    assert (first.completion.text, first.completion.top_logprobs) == ("Yes", TOPS)
    assert second.completion.text == '{"verdict": "yes"}'
    assert first.latency_s > 0
    assert first.request.prompt_version == second.request.prompt_version == "preflight@2"
    assert not learned.lessons


def test_what_the_stages_send_is_sent() -> None:
    labels, tasks = Learned(able).calls
    assert labels.parameters == {
        "temperature": 0.0, "max_tokens": 4, "logprobs": True, "top_logprobs": 20,
    }  # fmt: skip
    assert [turn.role for turn in labels.messages] == ["system", "user", "assistant", "user"]
    assert tasks.parameters == {"temperature": 1.0, "top_p": 0.95, "max_tokens": 1024}
    assert [turn.role for turn in tasks.messages] == ["system", "user"]


PROFILES: dict[ProfileName, int] = {
    "default": 2, "judge": 1, "re_answer": 1, "paper": 3, "alpaca": 1,
}  # fmt: skip


@pytest.mark.parametrize("profile", PROFILES)
def test_a_clean_endpoint_gets_few_questions_with_every_keyword_of_the_stages(
    profile: ProfileName,
) -> None:
    questions = questions_of(RunOptions(profile=profile))
    learned = Learned(able, questions)
    assert len(learned.calls) == len(questions) == PROFILES[profile]
    assert learned.result.trouble is None


def test_the_short_schema_has_the_keywords_of_the_stages_and_no_free_text() -> None:
    for profile in ("default", "judge"):
        options = RunOptions(profile=profile)
        schemas = [schema_of(question.request) for question in questions_of(options)]
        found = frozenset[str]().union(*map(keywords_of, schemas))
        wanted = {"type", "properties", "required", "additionalProperties", "object", "string"}
        wanted |= {"enum", "integer"} if profile == "judge" else {"array", "items", "maxItems"}
        assert found >= wanted
        (schema,) = [one for one in schemas if one is not None]
        assert '"type": "string"' not in repr(schema).replace("'enum'", "")


def schema_of(request: Request) -> object:
    return request.prompt.schema if isinstance(request.prompt, ChatPrompt) else None


def test_what_a_person_chose_is_tried() -> None:
    sampling = {"generate": {"presence_penalty": 1.0, "max_tokens": 4000}, "classify": {"top_p": 1}}
    options = RunOptions.model_validate({"sampling": sampling, "answer_format": "marked_text"})
    calls = Learned(able, questions_of(options)).calls
    assert [call.schema for call in calls] == [None, None]
    assert calls[1].parameters["presence_penalty"] == 1.0
    assert calls[1].parameters["max_tokens"] == 4000


def test_an_endpoint_that_ignores_both_can_do_neither() -> None:
    learned = Learned(plain)
    assert learned.can == Capabilities()
    assert len(learned.result.probes) == 2


def test_a_named_refusal_costs_one_call() -> None:
    script = playing(refuses("logprobs"), refuses("top_p"), refuses("response_format"), script=able)
    learned = Learned(script)
    assert learned.can == Capabilities()
    assert learned.lessons == {
        ("logprobs", "dropped"), ("top_p", "dropped"), ("response_format", "dropped"),
    }  # fmt: skip
    assert len(learned.calls) == 6


def test_an_endpoint_that_refuses_the_schema_is_asked_for_json_without_one() -> None:
    def in_words(call: ScriptedCall) -> ScriptedReply:
        json_mode = call.schema is not None and not call.schema
        return ScriptedReply('{"answer": "yes"}') if json_mode else able(call)

    def no_schema(call: ScriptedCall) -> bool:
        return bool(call.schema)

    for body in (error("This response_format type is unavailable now"), error("No.")):
        learned = Learned(playing(when(no_schema, fails(400, body)), script=in_words))
        assert learned.can == Capabilities(json_schema=True, logprobs=True)
        assert learned.lessons == {("response_format", "replaced")}
    # It is accepted, but does nothing.
    refused = when(no_schema, fails(400, error("No json_schema supported here")))
    learned = Learned(playing(refused, script=plain))
    assert learned.can == Capabilities()


def test_a_refused_keyword_does_not_cost_the_schema() -> None:
    learned = Learned(playing(refuses_schema_keyword("maxItems"), script=able))
    assert learned.can == Capabilities(json_schema=True, logprobs=True)
    assert learned.lessons == {("response_format.maxItems", "dropped")}


def test_a_system_role_that_is_refused_is_found_before_the_run() -> None:
    learned = Learned(playing(refuses_system_role(), script=able))
    assert learned.can == Capabilities(json_schema=True, logprobs=True)
    assert learned.lessons == {("system", "folded")}


def is_hot(call: ScriptedCall) -> bool:
    return float(call.parameters.get("temperature", 1.0)) != 1.0


NAMELESS: dict[str, tuple[Applies, tuple[str, str]]] = {
    "system": (has_system, ("system", "folded")),
    "response_format": (lambda call: call.schema is not None, ("response_format", "dropped")),
    "logprobs": (lambda call: "logprobs" in call.body, ("logprobs", "dropped")),
    "temperature": (is_hot, ("temperature", "dropped")),
    "top_p": (lambda call: "top_p" in call.body, ("top_p", "dropped")),
}


@pytest.mark.parametrize("name", NAMELESS)
@pytest.mark.parametrize("status", [400, 403, 500])
def test_what_a_refusal_without_a_name_is_about_is_found_by_leaving_things_out(
    name: str, status: int
) -> None:
    applies, lesson = NAMELESS[name]
    body = {"error": {"message": "Something in it will not do."}}
    learned = Learned(playing(when(applies, fails(status, body)), script=able))
    assert learned.can.json_schema is (name != "response_format")
    assert learned.can.logprobs is (name != "logprobs")
    assert learned.lessons == {lesson}
    assert len(learned.calls) <= 9


def test_several_things_that_no_refusal_names_are_all_found() -> None:
    body = {"error": {"message": "no"}}
    bad = [applies for applies, _ in NAMELESS.values()]
    refused = when(lambda call: any(one(call) for one in bad), fails(400, body))
    learned = Learned(playing(refused, script=able))
    assert learned.can == Capabilities()
    assert learned.lessons == {lesson for _, lesson in NAMELESS.values()}
    assert len(learned.calls) <= 11


def test_without_leave_of_the_caps_nothing_is_left_out() -> None:
    body = {"error": {"message": "Something in it will not do."}}
    script = playing(when(has_system, fails(400, body)), script=able)
    learned = Learned(script, may_ask=False)
    assert isinstance(learned.result.trouble, RunError)
    assert len(learned.calls) == 1


def test_an_endpoint_that_refuses_everything_is_trouble_of_the_run() -> None:
    learned = Learned(lambda _: ScriptedReply(status=400, error={"message": "I only speak Latin"}))
    with pytest.raises(RunError, match="I only speak Latin"):
        _ = learned.can
    assert len(learned.calls) == 2


@pytest.mark.parametrize(
    ("status", "code", "kind", "says"),
    [
        (401, "invalid_api_key", RunError, "OPENAI_API_KEY"),
        (404, "model_not_found", RunError, "SEEDBED_MODEL"),
        (429, "insufficient_quota", RunError, "credit"),
        (503, None, Outage, "503"),
    ],
)
def test_trouble_comes_out_at_the_first_call(
    status: int, code: str | None, kind: type[ProviderError], says: str
) -> None:
    learned = Learned(lambda _: ScriptedReply(status=status, error={"message": "no", "code": code}))
    with pytest.raises(kind, match=says):
        _ = learned.can
    assert len(learned.calls) == 1


@pytest.mark.parametrize(("status", "kind"), [(403, RunError), (500, Outage)])
def test_trouble_that_may_be_about_a_parameter_comes_out_at_the_second_call(
    status: int, kind: type[ProviderError]
) -> None:
    learned = Learned(lambda _: ScriptedReply(status=status, error={"message": "no"}))
    with pytest.raises(kind, match=str(status)):
        _ = learned.can
    assert len(learned.calls) == 2


def thinking(call: ScriptedCall) -> ScriptedReply:
    """Needs 500 tokens for its thoughts."""
    if int(call.parameters["max_tokens"]) < 500:
        return ScriptedReply("", finish_reason="length")
    return able(call)


def test_a_model_whose_thoughts_take_all_tokens_gets_room_before_the_run() -> None:
    learned = Learned(thinking)
    assert learned.can.json_schema
    assert learned.rooms == {Stage.CLASSIFY: 1024}
    assert len(learned.calls) == 2


def test_the_form_is_seen_in_an_answer_with_more_room() -> None:
    def long(call: ScriptedCall) -> ScriptedReply:
        enough = int(call.parameters["max_tokens"]) > 2000
        return able(call) if enough else ScriptedReply("", finish_reason="length")

    learned = Learned(long)
    assert learned.can.json_schema
    assert learned.rooms[Stage.GENERATE] == learned.rooms[Stage.INSTANTIATE] == 4096


def test_no_room_is_added_where_somebody_has_fixed_it() -> None:
    fixed = RunOptions.model_validate({"sampling": {"classify": {"max_tokens": 4}}})
    assert not Learned(thinking, questions_of(fixed)).rooms
    assert not Learned(thinking, questions_of(RunOptions(profile="paper"))).rooms


def test_a_passing_throttle_is_waited_for() -> None:
    def throttled_once(call: ScriptedCall) -> ScriptedReply:
        if call.n == 1:
            return ScriptedReply(status=429, headers={"Retry-After-Ms": "50"})
        return able(call)

    learned = Learned(throttled_once)
    assert learned.can == Capabilities(json_schema=True, logprobs=True)
    assert len(learned.calls) == 3


def test_a_throttle_longer_than_the_patience_is_given_to_the_caller() -> None:
    began_s = time.monotonic()
    reply = ScriptedReply(status=429, headers={"Retry-After": "900"})
    learned = Learned(lambda _: reply)
    with pytest.raises(Throttled) as caught:
        _ = learned.can
    assert caught.value.retry_after_s == 900
    assert time.monotonic() - began_s < 3


def test_a_long_wait_for_a_throttle_is_reported_when_it_begins() -> None:
    reported: list[str] = []

    def stop(throttle: Throttled) -> None:
        reported.append(str(throttle))
        raise throttle

    dialect, began_s = SharedDialect(), time.monotonic()
    slow = ScriptedReply(status=429, error={"message": "Slow"}, headers={"Retry-After": "30"})
    with scripted_server(lambda _: slow) as server:
        preflight(
            lambda: OpenAIProvider(server.base_url, None, "m", 5, dialect),
            questions_of(RunOptions()),
            dialect,
            caller=Caller(report_wait=stop),
        )
    assert len(reported) == 1
    assert "Slow" in reported[0]
    assert time.monotonic() - began_s < 20


def test_on_the_completions_endpoint_nothing_is_claimed() -> None:
    learned = Learned(plain, questions_of(RunOptions(profile="alpaca")))
    assert learned.can == Capabilities()
    (call,) = learned.calls
    assert (call.endpoint, call.parameters["max_tokens"]) == ("completions", 1)
    assert isinstance(learned.result.probes[0].request.prompt, TextPrompt)


def test_what_was_answered_before_an_endpoint_went_away_is_kept() -> None:
    def away_after_one(call: ScriptedCall) -> ScriptedReply:
        return able(call) if call.n == 1 else ScriptedReply(status=503, error={"message": "busy"})

    result = Learned(away_after_one).result
    assert isinstance(result.trouble, Outage)
    assert [probe.completion.text for probe in result.probes] == ["Yes"]
    assert result.unread == ()


def test_an_answer_that_is_none_is_named_for_it_may_be_paid_for() -> None:
    broken = ScriptedReply(raw=b'{"choices": []}')
    result = Learned(lambda call: broken if call.n == 1 else able(call)).result
    assert result.trouble is None
    assert len(result.probes) == len(result.unread) == 1
    assert result.unread[0].parameters.top_logprobs == 20
