"""Several endpoints that serve the same model, and limits that all workers keep together."""

import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from app.llm.scripted.model import reply
from app.llm.scripted.server import ScriptedCall, ScriptedReply, ScriptedServer, scripted_server
from tests.faults.team import Team, endpoint

pytestmark = [
    pytest.mark.crash,
    pytest.mark.parametrize(
        "database_url",
        [
            pytest.param("postgresql", marks=pytest.mark.slow),
            pytest.param("sqlite", marks=pytest.mark.slow),
        ],
        indirect=True,
    ),
]
BUSY = ScriptedReply(status=429, error={"message": "busy"}, headers={"Retry-After": "1"})
AWAY = ScriptedReply(status=503, error={"message": "away"})


@dataclass
class East:
    """An endpoint that answers with `trouble` from one second of the run to another."""

    trouble: ScriptedReply
    from_s: float
    until_s: float
    began_at: float = 0.0

    def __call__(self, call: ScriptedCall) -> ScriptedReply:
        self.began_at = self.began_at or time.monotonic()
        if self.from_s < time.monotonic() - self.began_at < self.until_s:
            return self.trouble
        return west(call)


def west(call: ScriptedCall) -> ScriptedReply:
    return replace(reply(call), delay_s=0.2)


@dataclass
class Watch:
    """Samples of the calls in flight at each of two endpoints."""

    servers: Sequence[ScriptedServer]
    began_at: float = field(default_factory=time.monotonic)
    seen: list[tuple[float, int, int]] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        while not self._over.wait(0.02):
            east, west = (server.counts.in_flight for server in self.servers)
            self.seen.append((time.monotonic() - self.began_at, east, west))

    def close(self) -> None:
        self._over.set()

    def share(self, from_s: float, until_s: float) -> float:
        """Return the share of the calls in flight that were at the east endpoint."""
        found = [(east, west) for at, east, west in self.seen if from_s <= at <= until_s]
        east, west = (statistics.fmean(counts) for counts in zip(*found, strict=True))
        return east / (east + west)

    def at_both(self, from_s: float, until_s: float) -> float:
        return statistics.fmean(e + w for at, e, w in self.seen if from_s <= at <= until_s)


@contextmanager
def two_endpoints(
    url: str, east: Callable[[ScriptedCall], ScriptedReply]
) -> Iterator[tuple[Team, Watch]]:
    """East with twice the weight of west, and two workers that have 24 calls in flight."""
    with scripted_server(east) as one, scripted_server(west) as other:
        both = [endpoint(one, "east", weight=2.0), endpoint(other, "west", weight=1.0)]
        watch = Watch([one, other])
        thread = threading.Thread(target=watch.look)
        thread.start()
        try:
            yield Team(url, both, {"concurrency": 12}), watch
        finally:
            watch.close()
            thread.join()


def test_calls_in_flight_follow_the_weights(database_url: str) -> None:
    with two_endpoints(database_url, west) as (team, watch):
        assert team.run(target=250, lookahead=64).status == "succeeded"
        ends_s = watch.seen[-1][0]
    assert watch.share(2.5, ends_s - 1.0) == pytest.approx(2 / 3, rel=0.15)


@pytest.mark.parametrize(
    "trouble",
    [pytest.param(BUSY, marks=pytest.mark.slow), AWAY],
    ids=["throttled", "away"],
)
def test_an_endpoint_in_trouble_leaves_its_share_to_the_other_and_gets_it_back(
    database_url: str, trouble: ScriptedReply
) -> None:
    with two_endpoints(database_url, East(trouble, 4.0, 7.0)) as (team, watch):
        seen = team.run(target=600, lookahead=64)
        ends_s = watch.seen[-1][0]
    assert seen.status == "succeeded"
    assert sum(counts.dead for counts in seen.stages.values()) == 0
    assert ends_s > 14, "it was over before the east could come back"
    began_s = watch.seen[0][0]
    assert began_s < 1
    calm = watch.at_both(2.5, 4.0)
    # The west has all of it meanwhile, after what was on its way.
    assert watch.share(5.5, 7.0) < 0.15
    assert watch.at_both(5.5, 7.0) > 0.6 * calm
    assert watch.share(11.0, ends_s - 1.0) == pytest.approx(2 / 3, rel=0.25)


def most_within(answered: Sequence[tuple[float, int]], window_s: float) -> int:
    """Return the most that was taken in any window of this many seconds."""
    most, first, taken = 0, 0, 0
    for at, amount in answered:
        taken += amount
        while answered[first][0] <= at - window_s:
            taken -= answered[first][1]
            first += 1
        most = max(most, taken)
    return most


@pytest.mark.parametrize(
    "limit",
    [
        {"requests_per_minute": 1200},
        pytest.param({"tokens_per_minute": 300_000}, marks=pytest.mark.slow),
    ],
    ids=["requests", "tokens"],
)
def test_a_limit_a_minute_is_kept_by_all_workers_together_and_used(
    database_url: str, limit: dict[str, Any]
) -> None:
    answered: list[tuple[float, int]] = []
    by_requests = "requests_per_minute" in limit

    def script(call: ScriptedCall) -> ScriptedReply:
        answer = reply(call)
        words = sum(len(message.content.split()) for message in call.messages)
        tokens = words + len((answer.text or "").split())
        answered.append((time.monotonic(), 1 if by_requests else tokens))
        return replace(answer, delay_s=0.1)

    with scripted_server(script) as server:
        team = Team(database_url, [endpoint(server, **limit)], {"concurrency": 64})
        assert team.run(target=160, lookahead=64).status == "succeeded"
    (a_minute,) = limit.values()
    a_second = a_minute / 60
    # Without the preflight and the calibration, which come one after the other.
    steady = [(at, taken) for at, taken in answered if at > answered[0][0] + 2.0]
    for window_s in (2.0, 5.0):
        most = most_within(steady, window_s)
        print(f"{limit}: {most / window_s:.1f} a second in {window_s:g} s of {a_second:.1f}")
        assert most <= a_second * (window_s + 1.0) * 1.05
    # At the end there are too few calls left to use it.
    ends_at = steady[-1][0] - 2.0
    used = sum(taken for at, taken in steady if at < ends_at)
    share = used / (a_second * (ends_at - steady[0][0]))
    print(f"{limit}: {share:.0%} used")
    assert share > 0.85
