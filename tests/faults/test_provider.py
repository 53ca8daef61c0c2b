"""Providers that throttle, fail, hang and go away, asked by several workers at once.

Each ends as it should: waited out, given up for one item alone, or paused in the provider's own
words; and few requests are made for nothing.
"""

import time
from dataclasses import replace

import pytest

from app.llm.scripted.model import reply
from app.llm.scripted.server import Script, ScriptedCall, ScriptedReply
from tests.faults.team import WORKERS, team

pytestmark = [
    pytest.mark.crash,
    pytest.mark.parametrize(
        "database_url",
        ["postgresql", pytest.param("sqlite", marks=pytest.mark.slow)],
        indirect=True,
    ),
]
MOST_WASTED = 0.05
ON_THEIR_WAY_S = 0.6
"""Time in which the calls end that were sent before their worker knew of a refusal."""


def now_and_then(trouble: ScriptedReply, every: int) -> Script:
    """Answer, and every so often be troubled."""
    return lambda call: trouble if call.n % every == 0 else reply(call)


@pytest.mark.parametrize(
    ("trouble", "every"),
    [
        (ScriptedReply(status=500, error={"message": "core dumped"}), 50),
        (ScriptedReply(status=503, error={"message": "busy"}), 50),
        (ScriptedReply(delay_s=30.0), 70),
        (ScriptedReply("x" * 50, trickle_s=0.2), 70),
        (ScriptedReply("Something", cut_off=True), 50),
        (ScriptedReply(raw=b"<html>Oops</html>", content_type="text/html"), 50),
        (ScriptedReply(raw=b'{"choices": []}'), 50),
        (ScriptedReply(status=429, error={"message": "slow"}, headers={"Retry-After": "1"}), 60),
        (ScriptedReply(status=429, error={"message": "slow"}), 60),
    ],
    ids=[
        "500",
        "503",
        "hangs",
        "trickles",
        "cut off",
        "web page",
        "no choices",
        "429 after",
        "429",
    ],
)
def test_trouble_now_and_then_is_gone_through_with_few_requests_wasted(
    database_url: str, trouble: ScriptedReply, every: int
) -> None:
    with team(database_url, now_and_then(trouble, every), timeout_s=1.0) as (crew, server):
        seen = crew.run(target=80, lookahead=16)
        asked = server.counts.calls
    assert (seen.status, seen.end_reason) == ("succeeded", "target_met")
    assert seen.funnel.accepted == 80
    assert sum(counts.dead for counts in seen.stages.values()) == 0
    print(f"{asked - seen.funnel.asked} of {asked} requests brought nothing")
    assert asked - seen.funnel.asked <= max(MOST_WASTED * asked, 6)
    # What may have been paid for and brought nothing is in the books.
    assert seen.funnel.asked + seen.budget.written_off.calls <= asked


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (ScriptedReply(status=401, error={"message": "The key was revoked."}), "revoked"),
        (
            ScriptedReply(
                status=429, error={"message": "No credit left", "code": "insufficient_quota"}
            ),
            "No credit left",
        ),
    ],
    ids=["401", "insufficient_quota"],
)
def test_a_refusal_in_the_middle_pauses_all_workers_in_the_providers_words(
    database_url: str, refusal: ScriptedReply, words: str
) -> None:
    with team(database_url, lambda call: refusal if call.n > 60 else reply(call)) as (crew, server):
        seen = crew.run(target=500, lookahead=16)
        refused = server.counts.calls - 60
    assert (seen.status, seen.end_reason) == ("paused", "provider")
    assert words in (seen.message or "")
    # No more than the calls that were in flight.
    assert refused <= WORKERS * 16


def test_an_outage_of_ten_seconds_is_waited_out_with_one_call_at_a_time(database_url: str) -> None:
    began: list[float] = []
    probes: list[float] = []

    def script(call: ScriptedCall) -> ScriptedReply:
        if call.n <= 100:
            return replace(reply(call), delay_s=0.02)
        began.append(time.monotonic())
        if time.monotonic() - began[0] > 10.0:
            return reply(call)
        probes.append(time.monotonic() - began[0])
        return ScriptedReply(status=503, error={"message": "in maintenance"})

    with team(database_url, script) as (crew, _):
        seen = crew.run(target=120, lookahead=16)
    assert seen.status == "succeeded"
    assert sum(counts.dead for counts in seen.stages.values()) == 0
    # Those in flight when it began, those sent in their place before it was known, and then one
    # after the other.
    later = [at for at in probes if at > 1.5]
    assert len(later) <= 8, later
    assert len(probes) <= 2 * WORKERS * 16 + 8


class Limit:
    """An endpoint with a limit of requests per second, which refuses the others."""

    def __init__(self, per_s: int, headers: dict[str, str] | None = None) -> None:
        self._per_s = per_s
        self._headers = headers or {}
        self._window = (0.0, 0)
        self.refused = 0

    def __call__(self, call: ScriptedCall) -> ScriptedReply:
        now = time.monotonic()
        began, seen = self._window
        began, seen = (began, seen) if now - began < 1.0 else (now, 0)
        self._window = (began, seen + 1)
        if seen >= self._per_s:
            self.refused += 1
            return ScriptedReply(
                status=429, error={"message": "Too many requests"}, headers=self._headers
            )
        return replace(reply(call), delay_s=0.1)


@pytest.mark.parametrize(
    "headers",
    [pytest.param({}, marks=pytest.mark.slow), {"Retry-After": "1"}],
    ids=["unsaid", "retry-after"],
)
def test_a_limit_of_150_requests_a_second_is_met_with_few_wasted(
    database_url: str, headers: dict[str, str]
) -> None:
    limit = Limit(150, headers)
    with team(database_url, limit, concurrency=256) as (crew, server):
        seen = crew.run(target=900, lookahead=256, tasks_per_request=8)
        asked = server.counts.calls
    assert seen.status == "succeeded"
    print(f"{limit.refused} of {asked} requests refused")
    assert limit.refused <= MOST_WASTED * asked


@pytest.mark.slow
def test_a_wait_after_all_calls_were_refused_is_kept_by_all(database_url: str) -> None:
    asked_at: list[float] = []
    refused_at: list[float] = []

    def script(call: ScriptedCall) -> ScriptedReply:
        now = time.monotonic()
        asked_at.append(now)
        # Those on their way are refused, too: one refusal alone says nothing about the others.
        if call.n > 150 and (not refused_at or now - refused_at[0] < ON_THEIR_WAY_S):
            refused_at.append(now)
            return ScriptedReply(
                status=429, error={"message": "slow"}, headers={"Retry-After": "4"}
            )
        return replace(reply(call), delay_s=0.05)

    with team(database_url, script) as (crew, _):
        seen = crew.run(target=150, lookahead=32)
    assert seen.status == "succeeded"
    assert len(refused_at) > 1
    during = [at - refused_at[0] for at in asked_at if 0.7 < at - refused_at[0] < 3.9]
    assert during == []
