"""Replies that arrive after their worker lost its lease: stored, used once if possible.

A pump is frozen between two looks, as a stopped process is; its calls are answered meanwhile.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select

from app.llm.scripted.model import reply
from app.llm.scripted.server import ScriptedCall, ScriptedReply
from app.schemas.runs import RunView
from app.services.generation.advance_run import advance_run
from app.services.generation.slots import sweep
from app.store.runs import slots
from app.store.runs.slots import Slot
from app.store.tables.completions import CompletionRow
from app.store.tables.work import WorkItem
from tests.bench import Bench, OpenBench
from tests.conftest import MOSTLY_POSTGRESQL

pytestmark = MOSTLY_POSTGRESQL

LEASE_S = 0.5
RUN = {"target": 24, "lookahead": 1, "random_seed": 7}
FINE = ScriptedReply()
NO_ANSWER = ScriptedReply(raw=b'{"choices": []}')


@dataclass
class Scene:
    """One call out of the middle of a run, during which its pump freezes."""

    again: ScriptedReply = FINE
    """What the call brings when somebody else makes it; nothing said: what it brings to all."""
    again_after_s: float = 0.0
    asked: Counter[str] = field(default_factory=Counter)
    """How often each prompt came."""
    frozen: threading.Event = field(default_factory=threading.Event)
    thawed: threading.Event = field(default_factory=threading.Event)
    prompt: str | None = None
    _begun: threading.Event = field(default_factory=threading.Event)

    def __call__(self, call: ScriptedCall) -> ScriptedReply:
        words = call.messages[-1].content
        self.asked[words] += 1
        generated = [prompt for prompt in self.asked if "new tasks" in prompt]
        if self.prompt is None and len(generated) == 3:
            self.prompt = words
            self._begun.set()
            return replace(reply(call), delay_s=0.2)
        if words == self.prompt and self.asked[words] == 2:
            again = reply(call) if self.again is FINE else self.again
            return replace(again, delay_s=self.again_after_s)
        return reply(call)

    def stop(self) -> bool:
        """The frozen pump's look at whether it has to end."""
        if self._begun.is_set() and not self.thawed.is_set():
            self.frozen.set()
            assert self.thawed.wait(30)
        return False


@contextmanager
def frozen_pump(
    open_bench: OpenBench, scene: Scene
) -> Iterator[tuple[Bench, str, threading.Thread]]:
    """A run whose only pump is frozen; its lease is over and was given back when this begins."""
    with open_bench(scene, lease_s=LEASE_S) as bench:
        run_id = bench.start(**RUN)
        pump = threading.Thread(
            target=advance_run, args=(bench.context, Slot(run_id, 0), scene.stop)
        )
        pump.start()
        assert scene.frozen.wait(20)
        time.sleep(LEASE_S + 0.1)
        sweep(bench.context)
        with bench.context.database.read() as session:
            assert not slots.any_live(session, run_id)
        assert bench.view(run_id).budget.written_off.calls > 0
        try:
            yield bench, run_id, pump
        finally:
            scene.thawed.set()
            pump.join()


def rows(bench: Bench, run_id: str) -> Sequence[Any]:
    with bench.context.database.read() as session:
        return session.scalars(select(CompletionRow).where(CompletionRow.run_id == run_id)).all()


def whole(open_bench: OpenBench) -> str:
    """The data set of the same run when nothing happens to it."""
    with open_bench(reply) as bench:
        run_id = bench.start(**RUN)
        bench.work(run_id)
        return bench.alpaca(run_id)


def nothing_is_used_twice(bench: Bench, run_id: str) -> None:
    kept = rows(bench, run_id)
    names = [row.call for row in kept]
    assert len(names) == len(set(names))
    with bench.context.database.read() as session:
        items = session.scalars(select(WorkItem).where(WorkItem.run_id == run_id)).all()
    used = [item.completion_id for item in items if item.completion_id is not None]
    assert len(used) == len(set(used))
    assert not {row.id for row in kept if row.is_spare} & set(used)


def thaw_while_another_asks(
    bench: Bench, run_id: str, scene: Scene, pump: threading.Thread
) -> RunView:
    """Let another pump take over, and the frozen one come back while that one asks again."""
    other = threading.Thread(target=bench.work, args=(run_id,))
    other.start()
    until = time.monotonic() + 10
    while scene.asked[str(scene.prompt)] < 2:
        assert time.monotonic() < until
        time.sleep(0.02)
    scene.thawed.set()
    pump.join()
    other.join()
    return bench.work(run_id)


def test_a_late_reply_whose_item_waits_again_is_used_and_not_asked_again(
    open_bench: OpenBench,
) -> None:
    scene = Scene()
    with frozen_pump(open_bench, scene) as (bench, run_id, pump):
        scene.thawed.set()
        pump.join()
        seen = bench.work(run_id)
        assert seen.status == "succeeded"
        # But for the two questions before a run, which end alike.
        assert max(n for words, n in scene.asked.items() if "stone" not in words) == 1
        assert seen.funnel.asked == bench.server.counts.calls
        assert (seen.budget.written_off.calls, seen.budget.written_off.tokens) == (0, 0)
        nothing_is_used_twice(bench, run_id)
        data_set = bench.alpaca(run_id)
    assert data_set == whole(open_bench)


def test_a_late_reply_is_used_when_the_pump_that_asked_again_gets_none(
    open_bench: OpenBench,
) -> None:
    scene = Scene(again=NO_ANSWER, again_after_s=1.0)
    with frozen_pump(open_bench, scene) as (bench, run_id, pump):
        seen = thaw_while_another_asks(bench, run_id, scene, pump)
        assert seen.status == "succeeded"
        assert scene.asked[str(scene.prompt)] == 2
        # The answer that was none may be charged; the late ones are settled.
        assert seen.funnel.asked == bench.server.counts.calls - 1
        assert seen.budget.written_off.calls == 1
        nothing_is_used_twice(bench, run_id)
        data_set = bench.alpaca(run_id)
    assert data_set == whole(open_bench)


def test_a_late_reply_that_is_not_needed_is_kept_and_never_used(open_bench: OpenBench) -> None:
    scene = Scene(again_after_s=1.0)
    with frozen_pump(open_bench, scene) as (bench, run_id, pump):
        seen = thaw_while_another_asks(bench, run_id, scene, pump)
        assert seen.status == "succeeded"
        assert seen.funnel.asked == bench.server.counts.calls
        assert (seen.budget.written_off.calls, seen.budget.written_off.tokens) == (0, 0)
        assert any(row.is_spare for row in rows(bench, run_id))
        nothing_is_used_twice(bench, run_id)
        data_set = bench.alpaca(run_id)
    assert data_set == whole(open_bench)


def test_a_reply_that_comes_when_the_run_has_ended_is_kept_and_booked(
    open_bench: OpenBench,
) -> None:
    scene = Scene()
    with frozen_pump(open_bench, scene) as (bench, run_id, pump):
        assert bench.work(run_id).status == "succeeded"
        before = bench.alpaca(run_id)
        scene.thawed.set()
        pump.join()
        run = bench.view(run_id)
        assert (run.status, run.budget.written_off.calls) == ("succeeded", 0)
        assert run.funnel.asked == bench.server.counts.calls
        nothing_is_used_twice(bench, run_id)
        assert bench.alpaca(run_id) == before
    assert before == whole(open_bench)


def test_at_temperature_zero_a_reply_of_another_run_is_used_where_that_is_wanted(
    open_bench: OpenBench,
) -> None:
    asked: Counter[str] = Counter()

    def script(call: ScriptedCall) -> ScriptedReply:
        warm = call.parameters["temperature"] > 0
        asked["warm" if warm else "cold"] += 1
        return reply(call)

    def made(bench: Bench, *, reuse: bool) -> tuple[str, int, int]:
        asked.clear()
        # One ticket at a time: how many more are asked before the target is met is chance.
        run_id = bench.start(target=15, random_seed=3, reuse_replies=reuse, lookahead=1)
        seen = bench.work(run_id)
        assert seen.status == "succeeded"
        assert seen.funnel.asked == asked["warm"] + asked["cold"]
        return bench.alpaca(run_id), asked["warm"], asked["cold"]

    with open_bench(script) as bench:
        first, warm, cold = made(bench, reuse=False)
        assert cold > 20
        # A reply that chance had a part in is always asked for anew. Every preflight asks one
        # question at temperature 0.
        assert made(bench, reuse=True) == (first, warm, 1)
        assert made(bench, reuse=False) == (first, warm, cold)
