"""How long to wait, in the words and headers of real providers."""

import pytest

from app.llm.failures.error_bodies import failure_of_body
from app.llm.failures.waits import LONGEST_WAIT_S, wait_s

NOW_S = 1_790_000_000.0
RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}

CASES: dict[str, tuple[dict[str, str], object, float | None]] = {
    "nothing": ({}, "Slow down", None),
    "seconds": ({"Retry-After": "7"}, "", 7),
    "milliseconds": ({"retry-after-ms": "250", "retry-after": "7"}, "", 0.25),
    "a span": ({"Retry-After": "1m30s"}, "", 90),
    "a time since 1970": ({"Retry-After": str(NOW_S + 60)}, "", 60),
    "the same in milliseconds": ({"Retry-After": str(int(NOW_S * 1000) + 60_000)}, "", 60),
    "a time that has passed": ({"Retry-After": str(NOW_S - 60)}, "", 0),
    "a day": ({"Retry-After": "86400"}, "", 86_400),
    "a number that no date can hold": ({"Retry-After": "1e20"}, "", LONGEST_WAIT_S),
    "the last day of all dates": (
        {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"},
        "",
        LONGEST_WAIT_S,
    ),
    "nonsense": ({"Retry-After": "soon"}, "", None),
    "Gemini": ({}, [{"error": {"message": "m", "details": [RETRY_INFO]}}], 34.5),
    "OpenAI": ({}, {"error": {"message": "Please try again in 1.2s. Visit x"}}, 1.2),
    "OpenAI, minutes": ({}, {"error": {"message": "Please try again in 7m12s."}}, 432),
    "OpenAI, milliseconds": ({}, {"error": {"message": "Please try again in 20ms."}}, 0.02),
    "Azure": ({}, {"error": {"message": "Please retry after 6 seconds."}}, 6),
    "Azure's gateway": ({}, {"statusCode": 429, "message": "Try again in 2 seconds."}, 2),
    "Azure, a day": ({}, {"error": {"message": "Please retry after 86400 seconds."}}, 86_400),
    "GitHub": ({}, {"error": {"message": "Please wait 41029 seconds before retrying."}}, 41_029),
    "Gemini's message": ({}, {"error": {"message": "Please retry in 34.07s."}}, 34.07),
    "Replicate": ({}, {"detail": "Expected available in 1 second."}, 1),
    "an hour": ({}, {"message": "Your limit resets in 2 hours"}, 7200),
    "a field": ({}, {"error": {"message": "m", "retry_after": 12}}, 12),
    "Anthropic, a moment": (
        {},
        {"error": {"message": "You will regain access on 2026-09-21 at 14:14:20 UTC."}},
        60,
    ),
    "OpenAI's headers": (
        {
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "8.64s",
            "x-ratelimit-remaining-tokens": "10000",
            "x-ratelimit-reset-tokens": "6ms",
        },
        "",
        8.64,
    ),
    "Anthropic's headers": (
        {
            "anthropic-ratelimit-requests-remaining": "0",
            "anthropic-ratelimit-requests-reset": "2026-09-21T14:14:20Z",
        },
        "",
        60,
    ),
    "OpenRouter": (
        {},
        {
            "error": {
                "message": "Rate limit exceeded",
                "code": 429,
                "metadata": {"headers": {"X-RateLimit-Reset": str(int(NOW_S * 1000) + 5000)}},
            }
        },
        5,
    ),
    "a number that is no wait": ({}, "Limit 3, used 3: retry with 5 tokens", None),
}


@pytest.mark.parametrize("name", CASES)
def test_the_wait_is_read(name: str) -> None:
    headers, body, expected = CASES[name]
    wait = wait_s(failure_of_body(body, 429, headers), NOW_S)
    assert wait == (None if expected is None else pytest.approx(expected, abs=1e-3))


def test_times_are_compared_with_the_clock_of_the_endpoint() -> None:
    headers = {"retry-after": str(NOW_S + 30), "date": "Mon, 21 Sep 2026 14:13:20 GMT"}
    assert wait_s(failure_of_body("", 429, headers), NOW_S + 500) == 30
