"""Providers and servers with their habits, as tests play them and docs/endpoints.md lists them."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.llm.scripted.behaviours.bodies import (
    Bill,
    bills,
    content_parts,
    reasons,
    streams,
    thinking_part,
)
from app.llm.scripted.behaviours.combine import Behaviour, every, first, in_method, on, when
from app.llm.scripted.behaviours.refusals import (
    accepts_only,
    error,
    fails,
    limits_context,
    refuses,
    refuses_schema_keyword,
    refuses_system_role,
)
from app.llm.scripted.behaviours.wordings import (
    ignores_schema,
    needs_long_limit,
    no_logprobs,
    thinks,
)
from app.llm.scripted.server import ORDINARY_SITE, Site
from app.llm.scripted.wire import Json, ScriptedCall

USUAL = "temperature", "top_p", "max_tokens", "presence_penalty", "frequency_penalty", "stop"


@dataclass(frozen=True)
class Provider:
    """A provider or server, played by a habit or several."""

    base_url: str
    """An example of the address."""
    plays: tuple[Behaviour, ...]
    sent: str
    """What is sent to it, in words."""
    learnt: frozenset[str] = frozenset()
    """The parameters of the lessons of a run."""
    not_supported: str = ""
    site: Site = ORDINARY_SITE
    query: str = ""
    """Of the address."""
    can: frozenset[str] = frozenset({"json_schema", "logprobs"})
    """The capabilities that the preflight finds."""


def _openai_only_one(name: str, value: str) -> Json:
    words = (
        f"Unsupported value: '{name}' does not support {value} with this model. "
        "Only the default (1) value is supported."
    )
    return error(words, param=name, code="unsupported_value")


def _gemini(name: str) -> list[Json]:
    words = f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.'
    return [{"error": {"code": 400, "message": words, "status": "INVALID_ARGUMENT"}}]


def _thoughts_beside(prompt: int, completion: int) -> Json:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion - 20,
        "total_tokens": prompt + completion,
    }


def _deepseek_usage(prompt: int, completion: int) -> Json:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_cache_hit_tokens": prompt // 2,
        "prompt_cache_miss_tokens": prompt - prompt // 2,
    }


def _both(call: ScriptedCall) -> bool:
    return "temperature" in call.body and "top_p" in call.body


_BOTH = error(
    "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
)
_LOADING = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}
_NO_SCHEMA = error("This response_format type is unavailable now")
_UPSTREAM = {"error": {"message": "Provider returned error", "code": 502}, "choices": None}

PROVIDERS: Mapping[str, Provider] = {
    "OpenAI": Provider(
        "https://api.openai.com/v1",
        (),
        "everything",
    ),
    "OpenAI gpt-5, o-series": Provider(
        "https://api.openai.com/v1",
        (
            needs_long_limit(180),
            refuses("max_tokens"),
            refuses("top_p"),
            refuses(
                "temperature", unless=lambda t: t == 1, body=_openai_only_one("temperature", "0")
            ),
            refuses(
                "logprobs",
                status=403,
                body=error("You are not allowed to request logprobs from this model"),
            ),
        ),
        "everything but sampling parameters and logprobs; a higher length limit, because it"
        " includes the reasoning",
        frozenset({"max_tokens", "top_p", "temperature", "logprobs"}),
        "sampling parameters, logprobs",
        can=frozenset({"json_schema"}),
    ),
    "Azure OpenAI": Provider(
        "https://NAME.openai.azure.com/openai/deployments/DEPLOYMENT?api-version=2024-10-21",
        (),
        "everything; the query string stays at the end of each address",
        not_supported="a list of models",
        site=Site("/openai/deployments/DEPLOYMENT", models=None),
        query="?api-version=2024-10-21",
    ),
    "vLLM": Provider(
        "http://HOST:8000/v1",
        (
            reasons("reasoning_content"),
            refuses_system_role(),
            limits_context(32_768),
        ),
        "everything; without a system role, the system message is part of the first user message",
        frozenset({"system"}),
    ),
    "SGLang": Provider(
        "http://HOST:30000/v1",
        (reasons("reasoning_content"), refuses_schema_keyword("maxItems")),
        "everything; the JSON schema without the keywords that the grammar doesn't support",
        frozenset({"response_format.maxItems"}),
    ),
    "Ollama": Provider(
        "http://HOST:11434/v1",
        (no_logprobs, reasons("reasoning")),
        "everything",
        not_supported="logprobs (ignored)",
        can=frozenset({"json_schema"}),
    ),
    "LM Studio": Provider(
        "http://HOST:1234/v1",
        (no_logprobs, thinks()),
        "everything",
        not_supported="logprobs (ignored)",
        can=frozenset(),
    ),
    "llama.cpp": Provider(
        "http://HOST:8080/v1",
        (first(1, fails(503, _LOADING)),),
        "everything; while the model is loading, the run waits",
    ),
    "Gemini": Provider(
        "https://generativelanguage.googleapis.com/v1beta/openai",
        (
            refuses("logprobs", body=_gemini("logprobs")),
            bills(_thoughts_beside, bill=Bill(), thinking_tokens=20),
        ),
        "everything but logprobs; reasoning tokens are computed from `total_tokens`",
        frozenset({"logprobs"}),
        "logprobs",
        can=frozenset({"json_schema"}),
    ),
    "Anthropic": Provider(
        "https://api.anthropic.com/v1",
        (no_logprobs, ignores_schema, when(_both, fails(400, _BOTH))),
        "everything but `top_p`, which it refuses together with `temperature`",
        frozenset({"top_p"}),
        "JSON schema and logprobs (ignored)",
        can=frozenset(),
    ),
    "Mistral": Provider(
        "https://api.mistral.ai/v1",
        (
            content_parts(thinking_part),
            accepts_only(*USUAL, "response_format"),
        ),
        "everything but logprobs; reasoning is read from parts of the content",
        frozenset({"logprobs"}),
        "logprobs",
        can=frozenset({"json_schema"}),
    ),
    "DeepSeek": Provider(
        "https://api.deepseek.com/v1",
        (
            reasons("reasoning_content"),
            refuses(
                "response_format", unless=lambda f: f["type"] == "json_object", body=_NO_SCHEMA
            ),
            bills(_deepseek_usage, bill=Bill()),
        ),
        "everything, but JSON without a schema (`json_object`); cached tokens are read",
        frozenset({"response_format"}),
        "JSON schema",
    ),
    "OpenRouter": Provider(
        "https://openrouter.ai/api/v1",
        (
            reasons("reasoning"),
            no_logprobs,
            in_method(every(9, fails(200, _UPSTREAM))),
            on(("classify",), streams()),
        ),
        "everything; errors in a reply with status 200 are recognised",
        not_supported="what the chosen provider ignores",
        can=frozenset({"json_schema"}),
    ),
}
