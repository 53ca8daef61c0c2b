"""The circuit to an endpoint: one call at a time while it is away, for all workers together."""

import time
from collections import Counter
from dataclasses import replace

import pytest
from sqlalchemy import select

from app.llm.scripted.model import reply
from app.llm.scripted.server import ScriptedCall, ScriptedReply
from app.store.database import Database
from app.store.tables.work import WorkItem
from tests.faults.team import CONCURRENCY, WORKERS, team

pytestmark = [
    pytest.mark.crash,
    pytest.mark.parametrize(
        "database_url",
        ["postgresql", pytest.param("sqlite", marks=pytest.mark.slow)],
        indirect=True,
    ),
]
TIMEOUT_S = 1.0
HANGS_S = 9.0
BROKEN = ScriptedReply(status=500, error={"message": "core dumped"})


def attempts(url: str) -> int:
    """How many attempts were burnt, in all."""
    database = Database(url)
    with database.read() as session:
        burnt = sum(session.scalars(select(WorkItem.attempts)))
    database.close()
    return burnt


def test_while_an_endpoint_hangs_one_call_after_the_other_finds_out_and_no_two_at_once(
    database_url: str,
) -> None:
    hung_at: list[float] = []

    def script(call: ScriptedCall) -> ScriptedReply:
        now = time.monotonic()
        if call.n > 60 and (not hung_at or now - hung_at[0] < HANGS_S):
            hung_at.append(now)
            return ScriptedReply(delay_s=30.0)
        return replace(reply(call), delay_s=0.03)

    with team(database_url, script, timeout_s=TIMEOUT_S) as (crew, server):
        seen = crew.run(target=60, lookahead=32)
        calls = server.counts.calls
    assert seen.status == "succeeded"
    assert sum(counts.dead for counts in seen.stages.values()) == 0
    # All that were in flight when it began end in time-outs. From then on there is one probe after
    # the other; without the circuit, all calls in flight would be sent again every second.
    in_flight = WORKERS * CONCURRENCY
    probes = HANGS_S / TIMEOUT_S + WORKERS
    assert 3 <= len(hung_at) <= in_flight + probes
    # Each worker may have met it before it had read of the other.
    assert attempts(database_url) <= 2 * WORKERS
    # On a busy machine an ordinary call may time out as well; none is counted twice or not at all.
    unknown = seen.budget.written_off.calls
    assert len(hung_at) <= unknown, "each may have been paid for"
    assert seen.funnel.asked + unknown == calls


def test_an_item_that_breaks_the_endpoint_every_time_is_given_up_while_the_others_go_on(
    database_url: str,
) -> None:
    asked: Counter[str] = Counter()
    began_at = time.monotonic()
    last_at = [0.0]

    def script(call: ScriptedCall) -> ScriptedReply:
        words = call.messages[-1].content
        asked[words] += 1
        last_at[0] = time.monotonic()
        if words in [prompt for prompt in asked if "new tasks" in prompt][2:3]:
            return BROKEN
        return replace(reply(call), delay_s=0.1)

    with team(database_url, script) as (crew, server):
        seen = crew.run(target=80, lookahead=8, max_attempts=3)
        wasted = server.counts.calls - seen.funnel.asked
    assert seen.status == "succeeded"
    assert seen.funnel.accepted == 80
    assert [counts.dead for counts in seen.stages.values() if counts.dead] == [1]
    # Now and then it was the one to find out whether the endpoint is back.
    assert 3 <= wasted <= 6
    assert last_at[0] - began_at < 40


@pytest.mark.slow
def test_an_item_that_breaks_the_endpoint_is_given_up_also_when_nothing_else_is_left(
    database_url: str,
) -> None:
    broken: list[float] = []

    def script(call: ScriptedCall) -> ScriptedReply:
        words = call.messages[-1].content
        if "examples" in words and (not broken or words == broken_one[0]):
            broken_one[:] = [words]
            broken.append(time.monotonic())
            return BROKEN
        return reply(call)

    broken_one = [""]
    with team(database_url, script) as (crew, _):
        seen = crew.run(target=2, lookahead=1, max_attempts=3)
    assert seen.status == "succeeded"
    assert [counts.dead for counts in seen.stages.values() if counts.dead] == [1]
    # The service gives the endpoint half a minute before it blames what it asks.
    assert 25 < broken[-1] - broken[0] < 70
