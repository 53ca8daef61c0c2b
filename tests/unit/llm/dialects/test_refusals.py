"""What refusals of real endpoints teach: tables of words, and of what is sent instead."""

from typing import Any

import pytest

from app.llm.dialects.dialect import NOTHING_LEARNT, Dialect, Lesson, apply
from app.llm.dialects.refusals import fitted, is_unfinished, lesson_of
from app.llm.failures.error_bodies import failure_of_body
from app.llm.failures.failure import Failure

SCHEMA = {
    "type": "object",
    "properties": {
        "instructions": {"type": "array", "items": {"type": "string"}, "maxItems": 8},
        "maxItems": {"type": "string", "minLength": 1},
    },
    "required": ["instructions"],
    "additionalProperties": False,
}
FORM = {
    "type": "json_schema",
    "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA},
}
CHAT: dict[str, Any] = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "hi"},
        {"role": "user", "content": "Who?"},
    ],
    "max_tokens": 1024,
    "temperature": 0.0,
    "top_p": 0.95,
    "presence_penalty": 2.0,
    "frequency_penalty": 1.0,
    "stop": ["\n\n", "\n16", "16.", "16 ."],
    "seed": 7,
    "logprobs": True,
    "top_logprobs": 20,
    "response_format": FORM,
}


def refused(message: str, status: int = 400, **fields: Any) -> Failure:
    return failure_of_body({"error": {"message": message, **fields}}, status, {})


def unsupported(name: str, more: str = "") -> Failure:
    message = f"Unsupported parameter: '{name}' is not supported with this model.{more}"
    return refused(message, param=name, code="unsupported_parameter")


def extra(name: str) -> Failure:
    """Mistral's and vLLM's strict servers."""
    detail = [{"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs are not"
               " permitted", "input": 1}]  # fmt: skip
    return failure_of_body({"object": "error", "message": {"detail": detail}}, 422, {})


def gemini(message: str) -> Failure:
    error = {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}
    return failure_of_body([{"error": error}], 400, {})


DROPPED = {
    "top_p": [
        unsupported("top_p"),
        extra("top_p"),
        refused("`temperature` and `top_p` cannot both be specified for this model."),
        refused("Argument not supported on this model: top_p", 400, param=None),
        refused("`top_p` must be > 0.0 and < 1.0", 422),
        refused("model deepseek-reasoner does not support the parameter `top_p`"),
        gemini('Invalid JSON payload received. Unknown name "topP": Cannot find field.'),
    ],
    "temperature": [
        refused("Unsupported value: 'temperature' does not support 0 with this model. Only the"
                " default (1) value is supported.", param="temperature", code="unsupported_value"),
        unsupported("temperature"),
        extra("temperature"),
        refused("invalid temperature: only 0.6 is allowed for this model"),
        refused("temperature is deprecated for this model."),
        refused("Error from provider: litellm.BadRequestError: 'temperature' does not support 0.0",
                500),
    ],
    "presence_penalty": [
        unsupported("presence_penalty"),
        refused("deepseek-reasoner does not support the parameter `presence_penalty`"),
        gemini("Penalty is not enabled for models/gemini-2.5-flash"),
        gemini('Invalid JSON payload received. Unknown name "presence_penalty": Cannot find'
               " field."),
        refused("Argument not supported on this model: presencePenalty"),
    ],
    "frequency_penalty": [
        extra("frequency_penalty"),
        gemini('Invalid JSON payload received. Unknown name "frequency_penalty": Cannot find'
               " field."),
        refused("frequency penalty is not allowed here", 403),
        unsupported("frequency_penalty"),
        refused("Unrecognized request argument supplied: frequency_penalty"),
    ],
    "stop": [
        unsupported("stop"),
        refused("Argument not supported on this model: stop"),
        refused("stop_sequences: each stop sequence must contain non-whitespace"),
        extra("stop"),
        refused("'stop' is not supported with this model.", param="stop"),
    ],
    "seed": [
        extra("seed"),
        unsupported("seed"),
        gemini('Invalid JSON payload received. Unknown name "seed": Cannot find field.'),
        refused("Unknown parameter: seed"),
        refused("参数 seed 不支持"),
    ],
    "logprobs": [
        refused("You are not allowed to request logprobs from this model", 403),
        unsupported("logprobs"),
        refused("'logprobs' is not supported with reasoning models", 500),
        gemini("Logprobs is not enabled for models/gemini-2.0-flash"),
        refused("This model does not support top_logprobs", 404),
        refused("Unable to submit request because Logprobs is not supported for this model."),
        extra("top_logprobs"),
        refused("responseLogprobs must be false"),
    ],
    "response_format.maxItems": [
        refused("Invalid schema for response_format 'answer': In context=('properties',"
                " 'instructions'), 'maxItems' is not permitted.", param="response_format"),
        refused("output_config.format.schema: For 'array' type, property 'maxItems' is not"
                " supported"),
        refused("Grammar error: Unimplemented keys: [\"maxItems\"]", 500),
        gemini('Unknown name "maxItems" at \'generation_config.response_schema\': Cannot find'
               " field."),
        refused("The following keywords are unsupported: maxItems"),
    ],
    "response_format.additionalProperties": [
        gemini('Invalid JSON payload received. Unknown name "additionalProperties" at'
               " 'generation_config.response_schema': Cannot find field."),
        refused("Invalid schema: additionalProperties is not supported"),
        refused("unsupported keyword additionalProperties", 422),
        refused("additionalProperties: Extra inputs are not permitted"),
        refused("property additionalProperties is unknown"),
    ],
    "response_format.minLength": [
        refused("'minLength' is not permitted.", param="response_format"),
        refused("For 'string' type, property 'minLength' is not supported"),
        refused("Unsupported keyword: minLength"),
        refused("minLength is not implemented by the grammar backend", 500),
        refused("unknown field minLength in schema"),
    ],
    "response_format.strict": [
        refused("Unknown parameter: 'response_format.json_schema.strict'.",
                param="response_format.json_schema.strict", code="unknown_parameter"),
        refused("strict: Extra inputs are not permitted", 422),
        refused("unsupported: strict"),
        refused("json_schema.strict is not supported"),
        refused("Unrecognized key strict in json_schema"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("parameter", DROPPED)
def test_a_refused_parameter_is_dropped(parameter: str) -> None:
    for refusal in DROPPED[parameter]:
        lesson = lesson_of(refusal, CHAT)
        assert lesson is not None, refusal
        assert (lesson.parameter, lesson.action) == (parameter, "dropped"), refusal
        sent = apply(CHAT, Dialect((lesson,)))
        assert lesson_of(refusal, sent) != lesson
        if "." not in parameter:
            assert parameter not in sent
        assert sent["messages"] == CHAT["messages"]
        assert lesson.words


FORMS = [
    refused("json: cannot unmarshal object into Go struct field .response_format of type string"),
    refused("This response_format type is unavailable now"),
    refused("deepseek-reasoner does not support Json Output."),
    refused("'response_format.type' must be 'json_object' or 'text'"),
    refused("Invalid parameter: 'response_format' of type 'json_schema' is not supported with"
            " this model.", param=None),
    refused("structured outputs are not supported by this backend", 501),
    extra("response_format"),
    refused("Failed to initialize samplers: unexpected grammar", 500),
    refused("'additionalProperties' is required to be supplied and to be false in"
            " response_format"),
]  # fmt: skip


def test_a_refused_schema_is_replaced_by_json_without_one_and_only_then_dropped() -> None:
    for refusal in FORMS:
        replaced = lesson_of(refusal, CHAT)
        assert replaced == Lesson("response_format", "replaced", "json_object"), refusal
        sent = apply(CHAT, Dialect((replaced,)))
        assert sent["response_format"] == {"type": "json_object"}
        dropped = lesson_of(refusal, sent)
        assert dropped == Lesson("response_format", "dropped"), refusal
        learnt = Dialect().with_lessons([replaced, dropped])
        assert learnt.lessons == (dropped,)
        assert learnt.with_lessons([replaced]) == learnt
        assert "response_format" not in apply(CHAT, learnt)
        # A keyword that was refused before does no harm.
        keyword = Lesson("response_format.maxItems", "dropped")
        sent = apply(CHAT, Dialect((replaced, keyword)))
        assert sent["response_format"] == {"type": "json_object"}


SYSTEM = [
    failure_of_body({"object": "error", "message": "System role not supported", "code": 400}, 400,
                    {}),
    refused("Unsupported value: 'messages[0].role' does not support 'system' with this model.",
            param="messages[0].role", code="unsupported_value"),
    gemini("Developer instruction is not enabled for models/gemma-3-27b-it"),
    refused("Conversation roles must alternate user/assistant/user/assistant/..."),
    refused("jinja2.exceptions.TemplateError: System role not supported", 500),
    refused("Only user and assistant roles are supported!"),
    refused("Only user, assistant and tool roles are supported, got system."),
    refused("messages: Unexpected role \"system\". The Messages API accepts a top-level `system`"
            " parameter"),
    refused("模型不支持的 message role: system"),
]  # fmt: skip


def test_a_refused_system_role_is_folded_into_the_first_message_of_the_user() -> None:
    for refusal in SYSTEM:
        lesson = lesson_of(refusal, CHAT)
        assert lesson is not None, refusal
        assert (lesson.parameter, lesson.action) == ("system", "folded"), refusal
        sent = apply(CHAT, Dialect((lesson,)))
        assert [turn["role"] for turn in sent["messages"]] == ["user", "assistant", "user"]
        assert sent["messages"][0]["content"] == "Be brief.\n\nhello"
        assert sent["messages"][1:] == CHAT["messages"][2:]
        assert lesson_of(refusal, sent) is None
    assert CHAT["messages"][1]["content"] == "hello"


LIMITS = [
    ("top_logprobs", 5, refused("top_logprobs must be <= 5")),
    ("top_logprobs", 5, refused("Input validation error: `top_n_tokens` must be >= 0 and <= 5."
                                " Given: 20", 422)),
    ("stop", 1, refused("Input validation error: `stop` supports up to 1 stop sequences. Given: 4",
                        422)),
    ("top_logprobs", 5, refused("Invalid value for 'top_logprobs': must be less than or equal to"
                                " 5.", param="top_logprobs")),
    ("top_logprobs", 5, refused("Cannot request more than 5 logprobs.")),
    ("top_logprobs", 5, refused("Requested sample logprobs of 20, which is greater than max"
                                " allowed: 5")),
    ("top_logprobs", 8, refused("top_logprobs: value 20 not in range [0, 8]", 422)),
    ("top_logprobs", 5, gemini("logprobs must be in range [1, 5], got 20")),
    ("max_tokens", 512, refused("max_tokens is too large: 1024. This model supports at most 512"
                                " completion tokens, whereas you provided 1024.",
                                param="max_tokens", code="invalid_value")),
    ("max_tokens", 1000, refused("Invalid max_tokens value, the valid range of max_tokens is"
                                 " [1, 1000]")),
    ("max_tokens", 512, refused("`max_tokens` must be less than or equal to `512`, the maximum"
                                " value for `max_tokens` is less than the `context_window` for this"
                                " model")),
    ("max_tokens", 512, refused("Unable to submit request because it has a maxOutputTokens value of"
                                " 1024 but the supported range is from 1 (inclusive) to 513"
                                " (exclusive).")),
    ("max_tokens", 640, refused("max_tokens: 1024 > 640, which is the maximum allowed number of"
                                " output tokens for claude-3-opus-20240229")),
    ("max_tokens", 900, refused("Range of max_tokens should be [1, 900]")),
    ("stop", 2, refused("Too many stop sequences: at most 2 are allowed.")),
    ("stop", 1, refused("stop: up to 1 sequence is supported", param="stop")),
]  # fmt: skip


@pytest.mark.parametrize(("parameter", "limit", "refusal"), LIMITS)
def test_a_value_is_lowered_to_the_limit_that_is_named(
    parameter: str, limit: int, refusal: Failure
) -> None:
    lesson = lesson_of(refusal, CHAT)
    assert lesson == Lesson(parameter, "at_most", limit)
    value = apply(CHAT, Dialect((lesson,)))[parameter]
    assert (len(value) if parameter == "stop" else value) == limit
    assert lesson_of(refusal, apply(CHAT, Dialect((lesson,)))) != lesson


def test_a_value_below_the_least_is_raised_to_it() -> None:
    few = {**CHAT, "max_tokens": 4}
    too_few = refused("Provider returned error: Invalid 'max_output_tokens': integer below minimum"
                      " value. Expected a value >= 16, but got 4 instead.")  # fmt: skip
    lesson = lesson_of(too_few, few)
    assert lesson == Lesson("max_tokens", "at_least", 16)
    assert apply(few, Dialect((lesson,)))["max_tokens"] == 16
    assert apply(CHAT, Dialect((lesson,)))["max_tokens"] == 1024
    for words in ("`temperature` must be strictly positive", "temperature must be > 0",
                  "temperature should be in (0, 1]", "temperature must be greater than 0, got 0.0",
                  "temperature 0.0 is invalid: it must be positive"):  # fmt: skip
        lesson = lesson_of(refused(words, 422), CHAT)
        assert lesson == Lesson("temperature", "at_least", 0.01)
    hot = {**CHAT, "temperature": 1.5}
    for words in ("temperature: range: 0..1 must hold", "temperature must be between 0 and 1",
                  "temperature must be less than or equal to 1.0", "max temperature is 1",
                  "'temperature' is above the maximum of 1 - got 1.5"):  # fmt: skip
        assert lesson_of(refused(words), hot) == Lesson("temperature", "at_most", 1)


RENAMED = [
    unsupported("max_tokens", " Use 'max_completion_tokens' instead."),
    refused("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", 500),
    extra("max_tokens"),
    refused("Unrecognized request argument supplied: max_tokens"),
    refused("Unknown parameter: 'max_tokens'.", param="max_tokens", code="unknown_parameter"),
    refused("max_tokens is not supported"),
]


def test_the_name_of_the_length_is_changed_once() -> None:
    for refusal in RENAMED:
        lesson = lesson_of(refusal, CHAT)
        assert lesson == Lesson("max_tokens", "renamed", "max_completion_tokens")
        sent = apply(CHAT, Dialect((lesson,)))
        assert (sent["max_completion_tokens"], "max_tokens" in sent) == (1024, False)
        assert lesson_of(refusal, sent) is None
        limited = Dialect((lesson, Lesson("max_tokens", "at_most", 100)))
        assert apply(CHAT, limited)["max_completion_tokens"] == 100
    text = {"model": "m", "prompt": "Once", "max_tokens": 20}
    assert lesson_of(RENAMED[0], text) is None


NOT_ABOUT_A_PARAMETER = [
    refused("Incorrect API key provided.", 401, code="invalid_api_key"),
    refused("This request requires more credits, or fewer max_tokens. You requested up to 65536"
            " tokens, but can only afford 100.", 402),
    refused("Your credit balance is too low to access the API. max_tokens must be lower.", 400),
    refused("Rate limit reached: reduce max_tokens, at most 100 are allowed", 429),
    refused("The model `x` does not exist.", 404, code="model_not_found"),
    refused("The response was filtered.", 400, code="content_filter"),
    refused("This model's maximum context length is 4096 tokens. However, you requested 5000 tokens"
            " (3976 in the messages, 1024 in the completion)."),
    refused("'max_tokens' or 'max_completion_tokens' is too large: 1024. This model's maximum"
            " context length is 1024 tokens and your request has 700 input tokens (1024 > 1024 -"
            " 700)."),
    refused("Access denied, please make sure your account is in good standing.", 400,
            code="Arrearage"),
    refused("I only speak Latin"),
    Failure("timeout", "temperature is not supported"),
    Failure("connection", "max_tokens is not supported"),
]  # fmt: skip


@pytest.mark.parametrize("refusal", NOT_ABOUT_A_PARAMETER, ids=lambda one: one.words[:30])
def test_other_failures_teach_nothing(refusal: Failure) -> None:
    assert lesson_of(refusal, CHAT) is None


def test_a_parameter_that_was_not_sent_is_not_learnt() -> None:
    bare = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 16}
    for refusals in DROPPED.values():
        assert {lesson_of(refusal, bare) for refusal in refusals} == {None}
    assert {lesson_of(refusal, bare) for refusal in SYSTEM} == {None}


def test_on_the_completions_endpoint_logprobs_are_a_number() -> None:
    text = {"model": "m", "prompt": "Once", "max_tokens": 20, "logprobs": 20}
    lesson = lesson_of(refused("Cannot request more than 5 logprobs."), text)
    assert lesson == Lesson("top_logprobs", "at_most", 5)
    assert apply(text, Dialect((lesson,)))["logprobs"] == 5
    lesson = lesson_of(unsupported("logprobs"), text)
    assert lesson is not None
    assert "logprobs" not in apply(text, Dialect((lesson,)))


def test_any_refusals_whatever_end_after_as_many_lessons_as_there_are_parameters() -> None:
    every = [one for refusals in (*DROPPED.values(), SYSTEM, RENAMED) for one in refusals]
    every += [refusal for *_, refusal in LIMITS]
    dialect, learnt = NOTHING_LEARNT, 0
    while True:
        sent = apply(CHAT, dialect)
        lesson = next(filter(None, (lesson_of(refusal, sent) for refusal in every)), None)
        if lesson is None:
            break
        dialect, learnt = dialect.with_lessons([lesson]), learnt + 1
        assert apply(CHAT, dialect) != sent
    assert learnt < 25
    assert apply(CHAT, dialect).keys() <= {"model", "messages", "max_completion_tokens"}


def test_the_room_beside_a_long_prompt_is_used_for_that_call_only() -> None:
    words = ("'max_tokens' or 'max_completion_tokens' is too large: 1024. This model's maximum"
             " context length is {} tokens and your request has 700 input tokens.")  # fmt: skip
    shorter = fitted(refused(words.format(1500)), CHAT)
    assert shorter is not None
    assert shorter["max_tokens"] == 720
    assert fitted(refused(words.format(900)), CHAT) is None
    assert fitted(refused(words.format(9000)), CHAT) is None
    assert fitted(refused(words.format(1500), 429), CHAT) is None
    assert fitted(refused("This model's maximum context length is 1500 tokens."), CHAT) is None


def test_an_unfinished_reply_is_no_refusal() -> None:
    words = ("Could not finish the message because max_tokens or model output limit was reached."
             " Please try again with higher max_tokens.")  # fmt: skip
    assert is_unfinished(refused(words))
    assert lesson_of(refused(words), CHAT) is None
    assert not is_unfinished(refused("max_tokens is not supported"))


@pytest.mark.parametrize(
    "words",
    [
        "`temperature` has to be a strictly positive float, but is 0.0",
        "temperature: range: 0 < temperature <= 1",
        "temperature must be strictly positive",
    ],
)
def test_a_temperature_of_zero_is_raised_where_only_zero_is_refused(words: str) -> None:
    lesson = lesson_of(refused(words), {**CHAT, "temperature": 0.0})
    assert lesson == Lesson("temperature", "at_least", 0.01)
