"""Endpoints that refuse: errors of any shape, parameters, roles, rate limits, redirects."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from app.llm.scripted.behaviours.combine import Applies, Behaviour, when
from app.llm.scripted.wire import Script, ScriptedCall, ScriptedReply


def fails(status: int, body: object, headers: Mapping[str, str] | None = None) -> Behaviour:
    """Answer every call with a status and a JSON body; the status may be 200."""
    return answers(ScriptedReply(status=status, body=body, headers=headers or {}))


def answers(fixed: ScriptedReply) -> Behaviour:
    """Answer every call with the same reply."""
    return lambda _script: lambda _call: fixed


def error(message: str, **fields: object) -> dict[str, object]:
    """Return an error's body as the API of OpenAI shows it."""
    usual: dict[str, object] = {"type": "invalid_request_error", "param": None, "code": None}
    return {"error": {"message": message, **usual, **fields}}


def refuses(
    parameter: str,
    *,
    status: int = 400,
    body: object = None,
    unless: Callable[[Any], bool] = lambda _value: False,
) -> Behaviour:
    """Refuse the calls that send a parameter.

    Args:
        parameter: Name in the JSON body.
        status: Status of the refusal.
        body: JSON of the refusal; None: the words of OpenAI's reasoning models.
        unless: Tells the values of the parameter that are accepted.
    """
    words = f"Unsupported parameter: '{parameter}' is not supported with this model."
    said = body or error(words, param=parameter, code="unsupported_parameter")

    def applies(call: ScriptedCall) -> bool:
        return parameter in call.body and not unless(call.body[parameter])

    return when(applies, fails(status, said))


def refuses_schema_keyword(keyword: str, *, status: int = 400, body: object = None) -> Behaviour:
    """Refuse the calls whose JSON schema has a keyword at any depth, such as ``maxItems``."""
    words = f"Invalid schema for response_format 'answer': '{keyword}' is not permitted."
    said = body or error(words, param="response_format")

    def applies(call: ScriptedCall) -> bool:
        return call.schema is not None and f'"{keyword}"' in json.dumps(dict(call.schema))

    return when(applies, fails(status, said))


def refuses_system_role(*, status: int = 400, body: object = None) -> Behaviour:
    """Refuse the calls whose first message has the role ``system``."""
    words = "System role not supported"
    said = body or {"object": "error", "message": words, "type": "BadRequestError", "code": 400}
    return when(has_system, fails(status, said))


def has_system(call: ScriptedCall) -> bool:
    """Return True when a message of the call has the role ``system``."""
    return any(message.role == "system" for message in call.messages)


def accepts_only(*parameters: str, status: int = 422, body: object = None) -> Behaviour:
    """Refuse the calls that send anything else than `parameters`, as strict servers do."""
    known = {"model", "messages", "prompt", *parameters}

    def wrap(script: Script) -> Script:
        def answer(call: ScriptedCall) -> ScriptedReply:
            extra = sorted(call.body.keys() - known)
            if not extra:
                return script(call)
            detail = [
                {"type": "extra_forbidden", "loc": ["body", name], "input": call.body[name],
                 "msg": "Extra inputs are not permitted"}
                for name in extra
            ]  # fmt: skip
            return ScriptedReply(status=status, body=body or {"detail": detail})

        return answer

    return wrap


def limits_rate(
    per_s: float, over: ScriptedReply, *, now_s: Callable[[], float] = time.monotonic
) -> Behaviour:
    """Answer at most `per_s` calls a second, with a burst of one second; the others get `over`."""

    def wrap(script: Script) -> Script:
        left, last_s = max(1.0, per_s), now_s()

        def answer(call: ScriptedCall) -> ScriptedReply:
            nonlocal left, last_s
            at_s = now_s()
            left, last_s = min(max(1.0, per_s), left + (at_s - last_s) * per_s), at_s
            if left < 1:
                return over
            left -= 1
            return script(call)

        return answer

    return wrap


def limits_context(tokens: int, *, status: int = 400, body: object = None) -> Behaviour:
    """Refuse the calls whose prompt and ``max_tokens`` together are longer than the context.

    A token is four characters of the prompt.
    """

    def applies(call: ScriptedCall) -> bool:
        return prompt_tokens(call) + max_tokens(call) > tokens

    words = f"This model's maximum context length is {tokens} tokens."
    said = body or {"object": "error", "message": words, "type": "BadRequestError", "code": 400}
    return when(applies, fails(status, said))


def max_tokens(call: ScriptedCall) -> int:
    """Return the longest answer that a call asks for, by either name; 0: it names none."""
    named = (call.body.get(name) for name in ("max_tokens", "max_completion_tokens"))
    return next((number for number in named if isinstance(number, int)), 0)


def prompt_tokens(call: ScriptedCall) -> int:
    """Return the length of a prompt: a token is four characters."""
    return len(call.prompt + "".join(message.content for message in call.messages)) // 4


def redirects(to: str, status: int = 301) -> Behaviour:
    """Answer every call with a redirect to another address."""
    return answers(ScriptedReply(status=status, raw=b"", headers={"Location": to}))


def needs_key(key: str, *, header: str = "authorization") -> Behaviour:
    """Refuse the calls without the right key; Azure's comes in the header ``api-key``."""

    def applies(call: ScriptedCall) -> bool:
        return call.headers.get(header, "").removeprefix("Bearer ") != key

    return when(applies, fails(401, error("Incorrect API key provided.", code="invalid_api_key")))


def asks_for(applies: Applies, status: int, body: object) -> Behaviour:
    """Refuse the calls to which `applies` does not apply."""
    return when(lambda call: not applies(call), fails(status, body))
