"""Refusals of parameters in the words of real providers and servers."""

from typing import NamedTuple

import pytest

from app.errors import ItemError, ParameterError, RunError, Throttled
from app.llm.classify_errors import Failure, classify
from app.llm.failures.refused_parameters import refused_parameter

SENT = frozenset(
    [
        "temperature",
        "top_p",
        "max_tokens",
        "presence_penalty",
        "frequency_penalty",
        "stop",
        "logprobs",
        "top_logprobs",
        "response_format",
        "seed",
        "system",
        "enable_thinking",
    ]
)


class Case(NamedTuple):
    name: str
    status: int
    words: str
    parameter: str | None
    keyword: str | None = None
    param: str = ""
    code: str = ""


CASES = (
    Case("OpenAI reasoning models", 400, "Unsupported parameter: 'max_tokens' is not supported"
         " with this model. Use 'max_completion_tokens' instead.", "max_tokens",
         param="max_tokens", code="unsupported_parameter invalid_request_error"),
    Case("OpenAI, a value", 400, "Unsupported value: 'temperature' does not support 0.7 with this"
         " model. Only the default (1) value is supported.", "temperature",
         param="temperature", code="unsupported_value"),
    Case("Azure, an old version", 400, "response_format value as json_schema is enabled only for"
         " api versions 2024-08-01-preview and later", "response_format"),
    Case("Anthropic, thinking", 400, "`temperature` may only be set to 1 when thinking is enabled.",
         "temperature"),
    Case("a value that is required", 400, "Thinking models require temperature to be 1",
         "temperature"),
    Case("a pair", 400, "presence_penalty and frequency_penalty may not be combined",
         "presence_penalty"),
    Case("both penalties", 400, "This model does not support penalties", "presence_penalty"),
    Case("stop sequences", 400, "stop: array too long; max 0", "stop"),
    Case("a proxy with 403", 403, "You are not allowed to request logprobs from this model",
         "logprobs", code="invalid_request_error"),
    Case("a client library behind 500", 500, "AsyncCompletions.create() got an unexpected keyword"
         " argument 'logprobs'", "logprobs"),
    Case("Gemini", 400, "Logprobs is not enabled for models/gemini-2.5-pro", "logprobs"),
    Case("Gemini, a penalty", 400, "Penalty is not enabled for this model", "presence_penalty"),
    Case("Gemma by Gemini", 400, "Developer instruction is not enabled for models/gemma-3-27b-it",
         "system"),
    Case("a chat template", 400, "System role not supported", "system"),
    Case("llama.cpp's template", 500, "Jinja Exception: System role not supported", "system"),
    Case("Anthropic", 400, "`temperature` and `top_p` cannot both be specified for this model."
         " Please use only one.", "top_p"),
    Case("Anthropic, a range", 400, "temperature: range: 0..1", "temperature"),
    Case("Anthropic, a stop", 400, "stop_sequences: each stop sequence must contain"
         " non-whitespace", "stop"),
    Case("Anthropic, a keyword", 400, "output_format.schema: For 'array' type, property 'maxItems'"
         " is not supported", "response_format", "maxItems"),
    Case("OpenAI, a keyword", 400, "Invalid schema for response_format 'answer': In context="
         "('properties', 'instructions'), 'maxItems' is not permitted.", "response_format",
         "maxItems", param="response_format"),
    Case("Groq", 400, "invalid schema for response format: response_format/json_schema/next_step:"
         " minItems is not supported", "response_format", "minItems"),
    Case("Cerebras", 400, 'Unsupported JSON schema fields: ["items", "minItems"]',
         "response_format", "minItems", param="response_format", code="wrong_api_format"),
    Case("Vertex", 501, "Unable to submit request because one or more response schemas specified"
         " unsupported field min_length.", "response_format", "minLength"),
    Case("Together", 400, "5 is greater than the maximum of 1 - 'logprobs'", "logprobs",
         param="logprobs"),
    Case("LiteLLM", 400, "litellm.UnsupportedParamsError: together_ai does not support parameters:"
         " {'logprobs': 1}", "logprobs"),
    Case("Mistral", 422, "Extra inputs are not permitted", "logprobs", param="body.logprobs"),
    Case("Bedrock", 400, "Malformed input request: #: extraneous key [frequency_penalty] is not"
         " permitted, please reformat your input and try again.", "frequency_penalty"),
    Case("vLLM Gaudi", 400, "Gaudi doesn't support logprobs. Please remove 'logprobs' from your"
         " request to receive a response.", "logprobs"),
    Case("LM Studio", 400, "'response_format.type' must be 'json_schema' or 'text'",
         "response_format"),
    Case("DeepSeek", 400, "This response_format type is unavailable now", "response_format"),
    Case("DashScope", 400, "Range of top_p should be (0.0, 1.0)", "top_p"),
    Case("DashScope in Chinese", 400, "temperature 取值范围错误", "temperature"),
    Case("an extra field", 400, "Unrecognized request argument supplied: enable_thinking",
         "enable_thinking"),
    Case("no name of ours", 400, "Unknown parameter: 'stream_options'", None),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_refused_parameter_is_named(case: Case) -> None:
    failure = Failure(
        "status", case.words, case.status, case.code, case.param, sent=SENT, asked="Write a poem."
    )
    trouble = classify(failure, now_at_s=0)
    assert isinstance(trouble, ParameterError), trouble
    assert (trouble.parameter, trouble.keyword) == (case.parameter, case.keyword)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (429, "Rate limit reached: max_tokens must be lower"),
        (402, "You requested up to 4096 max_tokens, but can only afford 12: not supported"),
        (401, "temperature not allowed without a key"),
        (500, "Internal error while sampling with temperature=0.7, top_p=0.9"),
        (400, "This model's maximum context length is 1024 tokens: max_tokens is too large"),
        (400, "I do not like it"),
    ],
)
def test_other_failures_are_not_about_a_parameter(status: int, words: str) -> None:
    trouble = classify(Failure("status", words, status, sent=SENT), now_at_s=0)
    assert not isinstance(trouble, ParameterError)


@pytest.mark.parametrize(
    ("name", "setting"), [("enable_thinking", "--extra-body"), ("top_p", "sampling options")]
)
def test_the_message_names_the_setting_that_sent_the_parameter(name: str, setting: str) -> None:
    words = f"Unsupported parameter: '{name}' is not supported with this model."
    trouble = classify(Failure("status", words, 400, sent=SENT), now_at_s=0)
    assert setting in str(trouble)
    assert ("SEEDBED_EXTRA_BODY" in str(trouble)) == (setting == "--extra-body")


def test_a_parameter_that_was_not_sent_is_not_refused() -> None:
    words = "logprobs is not supported for this deployment"
    assert refused_parameter(Failure("status", words, 403, sent={"temperature"})) is None
    trouble = classify(Failure("status", words, 403, sent={"temperature"}), now_at_s=0)
    assert type(trouble) is RunError


QUOTES = (
    'Our editor refuses "the system message is not supported", which nobody likes to read',
    "Refused: tell me why the system message is not supported by old models, said the user",
)


@pytest.mark.parametrize("words", QUOTES)
def test_what_is_quoted_of_our_request_is_no_reason(words: str) -> None:
    asked = "Please tell me why the system message is not supported by old models."
    body = {
        "model": "m",
        "temperature": 1.0,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": asked},
        ],
    }
    failure = Failure("status", words, 400).of_request(body)
    assert type(classify(failure, now_at_s=0)) is ItemError
    assert isinstance(classify(Failure("status", words, 400), now_at_s=0), ParameterError)


def test_a_throttle_is_never_about_a_parameter() -> None:
    failure = Failure("status", "top_p is not allowed now", 429, param="top_p", sent=SENT)
    assert type(classify(failure, now_at_s=0)) is Throttled
