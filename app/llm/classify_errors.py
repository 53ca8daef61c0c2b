"""The classification of failed model calls, in one table.

The openai client's own retries are off: the class of an error decides who waits, retries or gives
up. `Failure` describes a failed call; `classify` finds the first row of the table that applies.
"""

import email.utils
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from app.errors import (
    ContextExceeded,
    ItemError,
    Outage,
    ParameterError,
    ProviderError,
    RunError,
    TextFiltered,
    Throttled,
)
from app.llm.failures.failure import About, Failure
from app.llm.failures.refused_parameters import refused_parameter
from app.llm.provider_text import shorten

__all__ = ["TABLE", "About", "Failure", "Row", "classify", "retry_after_s"]


class Row(NamedTuple):
    """One kind of failure: its test, its error class, and an advice for a person."""

    name: str
    applies: Callable[[Failure], bool]
    kind: type[ProviderError]
    advice: str


_CONTEXT = re.compile(
    r"context[ _](length|size|window)|maximum context|too many (input |prompt )?tokens"
    r"|(prompt|input|messages?) (is|are) too long|reduce the length",
    re.IGNORECASE,
)
_CONTEXT_CODES = ("context_length", "exceed_context_size", "string_above_max_length")
_FILTER_CODES = ("content_filter", "content_policy", "responsibleaipolicy", "moderation")
_QUOTA_CODES = ("insufficient_quota", "billing", "insufficient_balance", "insufficient_credits")
_MODEL = re.compile(
    r"\bmodels?\b.{0,120}?(does not exist|doesn't exist|not found|not a valid|not exist|unknown"
    r"|no longer available|decommissioned|deprecated)|(unknown|invalid|no such) model\b",
    re.IGNORECASE | re.DOTALL,
)


def _has(failure: Failure, words: tuple[str, ...]) -> bool:
    return any(word in failure.code for word in words)


def _refused(failure: Failure) -> bool:
    return failure.status in (400, 422)


def _about_context(failure: Failure) -> bool:
    # llama.cpp has answered this with 400 and with 500, so the status does not count. But a 429
    # about "tokens per minute" is always a throttle.
    if failure.status == 429:
        return False
    return _has(failure, _CONTEXT_CODES) or bool(
        _refused(failure) and _CONTEXT.search(failure.said)
    )


def _about_model(failure: Failure) -> bool:
    return "model_not_found" in failure.code or (
        failure.status in (400, 404, 410, 422) and bool(_MODEL.search(failure.said))
    )


TABLE: tuple[Row, ...] = (
    Row(
        "address",
        lambda f: f.cause == "address",
        RunError,
        "Check OPENAI_BASE_URL: it must be a whole address such as http://host:8000/v1.",
    ),
    Row(
        "time-out",
        lambda f: f.cause == "timeout",
        Outage,
        "Is the endpoint overloaded? SEEDBED_REQUEST_TIMEOUT_S allows more time.",
    ),
    Row(
        "connection",
        lambda f: f.cause == "connection",
        Outage,
        "Check OPENAI_BASE_URL; is the endpoint up?",
    ),
    # A page with status 200 means that no model was asked: a gateway's maintenance page, or the
    # wrong address. Neither is the request's fault, so no attempt is counted.
    Row(
        "web page",
        lambda f: f.cause == "web page",
        Outage,
        "Check OPENAI_BASE_URL (it usually ends in /v1); is a gateway in maintenance?",
    ),
    Row(
        "context length",
        _about_context,
        ContextExceeded,
        "The prompt is too long for the model.",
    ),
    Row(
        "content filter",
        lambda f: _has(f, _FILTER_CODES) and f.status in (400, 403, 422),
        TextFiltered,
        "The provider's filter refused this text.",
    ),
    # Every request of a stage has the same parameters. As an `ItemError` it would use up all
    # attempts of all items, although one changed option solves it. It comes before the statuses,
    # because endpoints refuse parameters with 403 and 500, too.
    Row(
        "parameter",
        lambda f: refused_parameter(f) is not None,
        ParameterError,
        "Change the run's sampling options or SEEDBED_MODEL.",
    ),
    # OpenAI sends 429 for an empty account: waiting does not help. Only the code distinguishes it
    # from a throttle; the message does not, as Gemini writes "quota" for its limit per minute.
    Row(
        "quota",
        lambda f: f.status == 402 or (f.status in (0, 400, 403, 429) and _has(f, _QUOTA_CODES)),
        RunError,
        "Check the account behind OPENAI_API_KEY: its credit or quota is used up.",
    ),
    Row("throttle", lambda f: f.status == 429, Throttled, "Too many requests."),
    Row("key", lambda f: f.status == 401, RunError, "Check OPENAI_API_KEY."),
    Row(
        "permission",
        lambda f: f.status == 403,
        RunError,
        "Check OPENAI_API_KEY: it may not use this model or endpoint.",
    ),
    Row("model", _about_model, RunError, "Check SEEDBED_MODEL: the endpoint does not have it."),
    Row(
        "not there",
        lambda f: f.status in (404, 405, 410),
        RunError,
        "Check SEEDBED_MODEL, and OPENAI_BASE_URL (it usually ends in /v1).",
    ),
    Row(
        "unavailable for now", lambda f: f.status in (408, 409, 425), Outage, "Is the endpoint up?"
    ),
    # The other 4xx may be about this text. If they are about all texts, the attempts of each are
    # limited, and the run ends as dry.
    Row("refused", lambda f: 400 <= f.status < 500, ItemError, "The endpoint refused it."),
    Row("server", lambda f: f.status >= 500, Outage, "Is the endpoint up?"),
    Row(
        "redirect",
        lambda f: 300 <= f.status < 400,
        RunError,
        "Check OPENAI_BASE_URL: the endpoint has moved.",
    ),
    # An error object in a reply with status 200 that names no status of its own.
    Row("other", lambda _: True, ItemError, "The endpoint answered with an error."),
)


def classify(failure: Failure, now_at_s: float, table: Sequence[Row] = TABLE) -> ProviderError:
    """Return the exception to raise for `failure`, with the provider's message and an advice.

    Args:
        failure: The failed call.
        now_at_s: Seconds since the epoch, for a Retry-After header that is a date.
        table: The rows to try, in order.
    """
    row = next(row for row in table if row.applies(failure))
    message = f"{_what_happened(failure)} {row.advice}"
    if row.kind is Throttled:
        return Throttled(message, retry_after_s(failure.headers, now_at_s))
    if row.kind is ParameterError:
        return ParameterError(message, *(refused_parameter(failure) or ()))
    error = row.kind(message)
    # A reply with an error is not charged; an answer that was cut off may be.
    error.may_be_paid = failure.cause in ("timeout", "connection") and failure.arrived
    return error


def _what_happened(failure: Failure) -> str:
    words = shorten(failure.words)
    detail = f": {words}" if words else ""
    if not detail.endswith((".", "!", "?")):
        detail += "."
    if failure.cause == "status" and failure.status:
        return f"The endpoint answered {failure.status}{detail}"
    return {
        "status": f"The endpoint answered with an error{detail}",
        "timeout": f"The endpoint did not answer in time{detail}",
        "connection": f"The connection to the endpoint failed{detail}",
        "address": f"The address of the endpoint cannot be used{detail}",
        "web page": f"The endpoint answered with a web page instead of JSON{detail}",
    }[failure.cause]


def retry_after_s(headers: Mapping[str, str], now_at_s: float) -> float | None:
    """Return the seconds to wait by ``retry-after-ms`` or ``retry-after``; None: neither is set.

    A date is compared with the reply's own ``date`` header, because the two clocks may differ.
    """
    wait_ms = _number(headers.get("retry-after-ms", ""))
    if wait_ms is not None:
        return wait_ms / 1000
    said = headers.get("retry-after", "")
    wait_s = _number(said)
    if wait_s is not None:
        return wait_s
    until_s = _date_s(said)
    if until_s is None:
        return None
    from_s = _date_s(headers.get("date", ""))
    return max(0.0, until_s - (now_at_s if from_s is None else from_s))


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _date_s(text: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
