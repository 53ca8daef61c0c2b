"""Waits that endpoints ask their callers for, in all the ways that they say it."""

import email.utils
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from app.llm.failures.failure import Failure

_EPOCH_S = 1e9
"""Larger numbers of seconds are times since 1970."""
_EPOCH_MS = 1e12
LONGEST_WAIT_S = 366 * 86400.0
"""Longest wait that is believed. Some endpoints name times that no date can hold."""
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
# "7m12s", "1.2s", "20ms", "1h2m3s".
_SPAN = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhd]))+", re.IGNORECASE)
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhd])", re.IGNORECASE)
_ASKED = re.compile(
    r"(?:try again|retry(?:ing)?|wait|available|come back|resets?|again)\D{0,40}?"
    r"(?:(?P<span>(?:\d+(?:\.\d+)?(?:ms|[smhd])(?![a-z]))+|(?:\d+(?:\.\d+)?(?:ms|[smhd]))+\b)"
    r"|(?P<number>\d+(?:\.\d+)?) ?(?P<unit>milliseconds?|seconds?|secs?|minutes?|mins?|hours?|hrs?"
    r"|days?|ms|s|m|h)\b)",
    re.IGNORECASE,
)
_MOMENT = re.compile(
    r"(?:until|reset\w*|again|on|at|after)\D{0,24}?"
    r"(\d{4}-\d\d-\d\d)[T ](?:at )?(\d\d:\d\d(?::\d\d)?)(?:\.\d+)? ?(Z|UTC|GMT|[+-]\d\d:?\d\d)?",
    re.IGNORECASE,
)


def wait_s(failure: Failure, now_at_s: float) -> float | None:
    """Return the seconds that the endpoint asks to wait, at most `LONGEST_WAIT_S`.

    The first that is given counts: ``Retry-After`` and its kin, the body (Gemini's ``retryDelay``),
    the message ("try again in 1.2s"), and the headers of a rate limit that is used up.

    Args:
        failure: The failed call.
        now_at_s: Seconds since 1970.

    Returns:
        None when it says nothing about a wait.
    """
    clock_s = _date_s(failure.headers.get("date", ""))
    for wait in (
        _asked_s(failure, now_at_s),
        _limits_s(failure.headers, clock_s or now_at_s),
    ):
        if wait is not None:
            return min(wait, LONGEST_WAIT_S)
    return None


def outage_wait_s(failure: Failure, now_at_s: float) -> float | None:
    """Return the same for an endpoint that is down: the headers of its rate limit don't count."""
    wait = _asked_s(failure, now_at_s)
    return None if wait is None else min(wait, LONGEST_WAIT_S)


def _asked_s(failure: Failure, now_at_s: float) -> float | None:
    clock_s = _date_s(failure.headers.get("date", "")) or now_at_s
    waits = (
        retry_after_s(failure.headers, now_at_s),
        _said_s(failure.wait_said, clock_s),
        _words_s(failure.said, clock_s),
    )
    return next((wait for wait in waits if wait is not None), None)


def retry_after_s(headers: Mapping[str, str], now_at_s: float) -> float | None:
    """Return the seconds to wait by ``retry-after-ms`` or ``retry-after``; None: neither is set.

    A date, or a time since 1970, is compared with the reply's own ``date`` header, because the two
    clocks may differ.
    """
    wait_ms = _number(headers.get("retry-after-ms", ""))
    if wait_ms is not None:
        return wait_ms / 1000
    said = headers.get("retry-after", "")
    clock_s = _date_s(headers.get("date", ""))
    now_s = now_at_s if clock_s is None else clock_s
    wait = _said_s(said, now_s)
    if wait is not None:
        return wait
    until_s = _date_s(said)
    return None if until_s is None else max(0.0, until_s - now_s)


def _said_s(said: str, now_s: float) -> float | None:
    """Read a number of seconds, a span such as ``34.5s``, or a time since 1970."""
    number = _number(said)
    if number is not None:
        if number >= _EPOCH_MS:
            return max(0.0, number / 1000 - now_s)
        return max(0.0, number - now_s) if number >= _EPOCH_S else number
    if _SPAN.fullmatch(said.strip()):
        return _span_s(said)
    return _moment_s(f"at {said}", now_s)


def _moment_s(said: str, now_s: float) -> float | None:
    found = _MOMENT.search(said)
    if found is None:
        return None
    zone = (found[3] or "").upper()
    zone = "+00:00" if zone in ("", "Z", "UTC", "GMT") else zone
    try:
        moment = datetime.fromisoformat(f"{found[1]}T{found[2]}{zone}")
    except ValueError:
        return None
    return max(0.0, moment.astimezone(UTC).timestamp() - now_s)


def _words_s(said: str, now_s: float) -> float | None:
    if found := _ASKED.search(said):
        if found["span"]:
            return _span_s(found["span"])
        unit = found["unit"].lower()
        return (
            float(found["number"]) * _UNITS_S["ms" if unit.startswith(("ms", "mil")) else unit[0]]
        )
    return _moment_s(said, now_s)


def _span_s(said: str) -> float:
    return sum(float(number) * _UNITS_S[unit.lower()] for number, unit in _PART.findall(said))


def _limits_s(headers: Mapping[str, str], now_s: float) -> float | None:
    """Read the resets of rate limits: of those that are used up, or else the nearest."""
    resets = dict(_resets(headers, now_s))
    used_up = [
        wait for name, wait in resets.items() if _number(headers.get(_left_name(name), "")) == 0
    ]
    if used_up:
        return max(used_up)
    return min(resets.values(), default=None)


def _resets(headers: Mapping[str, str], now_s: float) -> Iterator[tuple[str, float]]:
    # The word comes last or first, as in `x-ratelimit-reset-requests` (OpenAI) and
    # `anthropic-ratelimit-requests-reset`.
    for name, said in headers.items():
        if "ratelimit" in name and "reset" in name:
            wait = _said_s(said, now_s)
            if wait is not None:
                yield name, wait


def _left_name(reset: str) -> str:
    return reset.replace("reset", "remaining")


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
