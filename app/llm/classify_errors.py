"""The classification of failed model calls, in one table.

The openai client's own retries are off: the class of an error decides who waits, retries or gives
up. `Failure` describes a failed call; `classify` finds the first row of the table that applies.
"""

import re
from collections.abc import Callable, Sequence
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
from app.llm.failures.provider_words import has_code, has_words, means
from app.llm.failures.refused_parameters import Refused, refused_parameter
from app.llm.failures.waits import outage_wait_s, wait_s
from app.llm.provider_text import shorten

__all__ = ["TABLE", "About", "Failure", "Row", "classify", "is_recognised"]

NO_MODEL = "Check OPENAI_BASE_URL (it usually ends in /v1): no model answers at this address."
"""Advice where something answers, but no model."""
_FURTHER_FIELD = (
    "Change or leave out this field: it is in the run's --extra-body or in SEEDBED_EXTRA_BODY."
)


class Row(NamedTuple):
    """One kind of failure: its test, its error class, and an advice for a person."""

    name: str
    applies: Callable[[Failure], bool]
    kind: type[ProviderError]
    advice: str


_TEXT_STATUSES = (0, 400, 413, 422, 500)
_REFUSALS = (0, 400, 403, 404, 410, 422)
"""Statuses with which endpoints refuse a request for any reason; 0: inside a reply with 200."""
_LIMITED = re.compile(
    r"limit|quota|allocation|exceed|calls|requests|tokens|次数|限额", re.IGNORECASE
)
_REQUESTED = re.compile(r"limit:? (\d[\d,]*).{0,40}?requested:? (\d[\d,]*)", re.I | re.DOTALL)


def _about_context(f: Failure) -> bool:
    # llama.cpp has answered this with 400 and with 500, so the status does not count. But a 429
    # about tokens per minute is a throttle, unless the call alone is larger than the limit.
    if f.status == 429:
        found = _REQUESTED.search(f.said)
        return found is not None and _is_more(found[2], than=found[1]) and "too large" in f.said
    if f.status in (401, 402):
        return False
    return has_code(f, "context") or (f.status in _TEXT_STATUSES and has_words(f, "context"))


def _is_more(one: str, than: str) -> bool:
    return int(one.replace(",", "")) > int(than.replace(",", ""))


def _about_filter(f: Failure) -> bool:
    return f.status in (0, 400, 403, 422, 451) and means(f, "filter")


def _about_account(f: Failure) -> bool:
    # OpenAI sends 429 for an empty account, where waiting does not help, and DashScope gives the
    # same code for a limit per minute. So words about the account come first, then words about a
    # rate, then codes.
    if f.status == 402 or has_words(f, "account") or _is_quota_used_up(f):
        return True
    return has_code(f, "account") and not has_words(f, "rate") and f.status < 500


def _is_quota_used_up(f: Failure) -> bool:
    """Return True for OpenAI's words about an empty account, whose code a gateway left out.

    Gemini has the same words for a limit per minute, beside a code and a wait of its own.
    """
    says = "exceeded your current quota" in f.said.lower()
    return says and "resource_exhausted" not in f.code and wait_s(f, 0.0) is None


def _per_day(f: Failure) -> bool:
    """Return True when a limit per day is used up, and the endpoint names no other wait."""
    if has_code(f, "day"):
        # Gemini's `retryDelay` is about the minute, also when the day is used up.
        return True
    return _speaks_of_days(f) and wait_s(f, 0.0) is None


def _speaks_of_days(f: Failure) -> bool:
    has_limit = f.status == 429 or bool(_LIMITED.search(f.said))
    return f.status in (0, 400, 403, 429) and has_limit and has_words(f, "day")


def _throttled(f: Failure) -> bool:
    if f.status == 429 or _speaks_of_days(f):
        return True
    return f.status not in (401, 404) and means(f, "rate")


def _busy(f: Failure) -> bool:
    # With 503 and 529, which mean nothing else, it is an outage like any other.
    return f.status in (0, 400, 403, 409, 413, 422, 424, 498, 500, 502) and means(f, "busy")


def _about_model(f: Failure) -> bool:
    return (f.status < 500 and has_code(f, "model")) or (
        f.status in _REFUSALS and has_words(f, "model")
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
        "no model",
        lambda f: f.cause == "no model",
        RunError,
        NO_MODEL,
    ),
    Row(
        "certificate",
        lambda f: f.cause == "certificate",
        RunError,
        "SSL_CERT_FILE names the certificates to trust: for a self-signed one, set it to its file.",
    ),
    Row(
        "circle",
        lambda f: f.cause == "circle",
        RunError,
        "Check OPENAI_BASE_URL (http or https? a host of its own for the API?): no model answers "
        "there.",
    ),
    Row(
        "proxy",
        lambda f: f.cause == "proxy",
        Outage,
        "Check HTTP_PROXY and HTTPS_PROXY; NO_PROXY lists the hosts to reach without them.",
    ),
    Row(
        "context length",
        _about_context,
        ContextExceeded,
        "The prompt is too long for the model.",
    ),
    Row("content filter", _about_filter, TextFiltered, "The provider's filter refused this text."),
    Row(
        "quota",
        _about_account,
        RunError,
        "Check the account behind OPENAI_API_KEY: its credit or quota is used up, or it is locked.",
    ),
    Row(
        "daily limit",
        _per_day,
        RunError,
        "A limit per day is used up: resume the run after it resets, or raise it.",
    ),
    Row("throttle", _throttled, Throttled, "Too many requests."),
    # Every request of a stage has the same parameters. As an `ItemError` it would use up all
    # attempts of all items, although one changed option solves it. It comes before the statuses,
    # because endpoints refuse parameters with 403 and 500, too.
    Row(
        "parameter",
        lambda f: refused_parameter(f) is not None,
        ParameterError,
        "Change the sampling options of the run, or its model.",
    ),
    Row(
        "cannot load",
        lambda f: f.status in (0, 400, 404, 500, 503) and means(f, "loads"),
        RunError,
        "The endpoint cannot load the model: free some of its memory, or use a smaller model "
        "(SEEDBED_MODEL, --model).",
    ),
    Row(
        "thoughts",
        lambda f: "enable_thinking" in f.said and "enable_thinking" not in f.sent,
        RunError,
        "Send this field with every call: --extra-body '{\"enable_thinking\": false}', or "
        "SEEDBED_EXTRA_BODY.",
    ),
    Row("busy", _busy, Throttled, "The endpoint is overloaded."),
    Row(
        "key",
        lambda f: f.status == 401 or (f.status in _REFUSALS and means(f, "key")),
        RunError,
        "Check OPENAI_API_KEY.",
    ),
    Row(
        "model",
        _about_model,
        RunError,
        "The endpoint does not have this model (SEEDBED_MODEL, --model).",
    ),
    Row(
        "permission",
        lambda f: f.status in (403, 451) or (f.status in _REFUSALS and means(f, "access")),
        RunError,
        "Check OPENAI_API_KEY: it may not use this model or endpoint.",
    ),
    Row(
        "https",
        lambda f: f.status == 400 and has_words(f, "address") and "https" in f.words.lower(),
        RunError,
        "Check OPENAI_BASE_URL: it must begin with https.",
    ),
    # LM Studio answers a wrong path with status 200.
    Row(
        "not there",
        lambda f: f.status in (404, 405, 410) or (f.status == 0 and means(f, "address")),
        RunError,
        "Check the model (SEEDBED_MODEL, --model), and OPENAI_BASE_URL (it usually ends in /v1).",
    ),
    Row(
        "unavailable for now",
        lambda f: f.status in (408, 409, 424, 425, 499),
        Outage,
        "Is the endpoint up?",
    ),
    # The other 4xx may be about this text. If they are about all texts, the attempts of each are
    # limited, and the run ends as dry.
    Row("refused", lambda f: 400 <= f.status < 500, ItemError, "The endpoint refused it."),
    Row(
        "server",
        lambda f: f.status >= 500 or (f.status == 0 and means(f, "broken")),
        Outage,
        "Is the endpoint up?",
    ),
    Row(
        "redirect",
        lambda f: 300 <= f.status < 400,
        RunError,
        "Set OPENAI_BASE_URL to the new address.",
    ),
    # An error object in a reply with status 200 that names no status of its own.
    Row("other", lambda _: True, ItemError, "The endpoint answered with an error."),
)


def classify(failure: Failure, now_at_s: float, table: Sequence[Row] = TABLE) -> ProviderError:
    """Return the exception to raise for `failure`, with the provider's message and an advice.

    Args:
        failure: The failed call.
        now_at_s: Seconds since the epoch, for waits that are given as a date.
        table: The rows to try, in order.
    """
    row = _row_of(failure, table)
    message = f"{_what_happened(failure)} {row.advice}"
    if row.kind is Throttled:
        return Throttled(message, wait_s(failure, now_at_s))
    if row.kind is ParameterError:
        refused = refused_parameter(failure) or Refused(None)
        if refused.is_further_field:
            message = f"{_what_happened(failure)} {_FURTHER_FIELD}"
        return ParameterError(message, *refused)
    error = row.kind(message)
    error.status = failure.status
    if row.kind is Outage:
        error.retry_after_s = outage_wait_s(failure, now_at_s)
    # A reply with an error is not charged; an answer that was cut off may be.
    is_cut = failure.cause in ("timeout", "connection") and failure.arrived
    error.may_be_paid = is_cut or failure.is_begun
    return error


def is_recognised(failure: Failure) -> bool:
    """Return True when a row of the table knows the failure, and not only that something failed."""
    return _row_of(failure, TABLE) is not TABLE[-1]


def _row_of(failure: Failure, table: Sequence[Row]) -> Row:
    return next(row for row in table if row.applies(failure))


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
        "no model": f"The endpoint did not answer as a model does{detail}",
        "certificate": f"The certificate of the endpoint is not trusted{detail}",
        "circle": f"The endpoint redirects in a circle{detail}",
        "proxy": f"The proxy could not reach the endpoint{detail}",
    }[failure.cause]
