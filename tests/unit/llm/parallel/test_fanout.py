"""The fan-out, over real HTTP and over providers that are functions."""

import asyncio
import gc
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.errors import ConfigurationError, ItemError, Throttled
from app.llm.openai_provider import OpenAIProvider
from app.llm.parallel.fanout import Dropped, Fanout
from app.llm.parallel.outcomes import Outcome
from app.llm.scripted.provider import ScriptedProvider
from app.llm.scripted.server import ScriptedCall, ScriptedReply, scripted_server
from app.pipeline.types import ChatPrompt, Completion, Message, Parameters, Request


def request(words: str = "hello") -> Request:
    return Request(ChatPrompt((Message("user", words),)), Parameters(0.7, 1.0, 20), "test/chat@1")


def completion(text: str = "fine") -> Completion:
    return Completion(text=text, finish_reason="stop", model="m")


def text_of(outcome: Outcome) -> str:
    assert isinstance(outcome.answer, Completion), outcome.answer
    return outcome.answer.text


def collect_all(fanout: Fanout, count: int) -> list[Outcome]:
    outcomes: list[Outcome] = []
    until_s = time.monotonic() + 10
    while len(outcomes) < count and time.monotonic() < until_s:
        outcomes += fanout.collect(timeout_s=0.2)
    assert len(outcomes) == count
    return outcomes


class GatedProvider:
    """Answers each call when the test lets it: by its words."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}
        self.closed = False
        self.loop = asyncio.get_running_loop()

    async def complete(self, asked: Request) -> Completion:
        assert isinstance(asked.prompt, ChatPrompt)
        words = asked.prompt.messages[0].content
        self.asked.append(words)
        await self.gates.setdefault(words, asyncio.Event()).wait()
        return completion(words)

    async def aclose(self) -> None:
        self.closed = True

    def let(self, words: str) -> None:
        def open_gate() -> None:
            self.gates.setdefault(words, asyncio.Event()).set()

        self.loop.call_soon_threadsafe(open_gate)


def gated(concurrency: int) -> tuple[Fanout, GatedProvider]:
    made: list[GatedProvider] = []

    def factory() -> GatedProvider:
        made.append(GatedProvider())
        return made[0]

    return Fanout(factory, concurrency), made[0]


def wait_until_asked(provider: GatedProvider, count: int) -> None:
    until_s = time.monotonic() + 30
    while len(provider.asked) < count and time.monotonic() < until_s:
        time.sleep(0.002)
    assert len(provider.asked) == count


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    gc.collect()
    assert set(threading.enumerate()) <= before


def test_outcomes_come_in_the_order_of_the_answers_with_their_keys() -> None:
    fanout, provider = gated(3)
    with fanout:
        for key, words in enumerate("abc"):
            fanout.submit(key, request(words))
        wait_until_asked(provider, 3)
        for words in "cab":
            provider.let(words)
        outcomes = collect_all(fanout, 3)
    assert [(outcome.key, text_of(outcome)) for outcome in outcomes] == [
        (2, "c"),
        (0, "a"),
        (1, "b"),
    ]


def test_a_free_place_is_refilled_at_once_without_waiting_for_the_others() -> None:
    fanout, provider = gated(2)
    with fanout:
        for key, words in enumerate("abcd"):
            fanout.submit(key, request(words))
        wait_until_asked(provider, 2)
        provider.let("b")
        wait_until_asked(provider, 3)
        provider.let("c")
        wait_until_asked(provider, 4)
        assert provider.asked == ["a", "b", "c", "d"]
        assert [outcome.key for outcome in collect_all(fanout, 2)] == [1, 2]


def test_capacity_falls_with_what_is_in_the_air_and_comes_back() -> None:
    fanout, provider = gated(3)
    with fanout:
        assert (fanout.in_flight, fanout.capacity) == (0, 3)
        fanout.submit(0, request("a"))
        fanout.submit(1, request("b"))
        assert (fanout.in_flight, fanout.capacity) == (2, 1)
        provider.let("a")
        collect_all(fanout, 1)
        assert (fanout.in_flight, fanout.capacity) == (1, 2)


def test_collect_waits_no_longer_than_its_time_and_takes_no_more_than_asked() -> None:
    fanout, provider = gated(9)
    with fanout:
        began_s = time.monotonic()
        assert fanout.collect(timeout_s=0.05) == []
        assert time.monotonic() - began_s < 1
        for key, words in enumerate("abcde"):
            fanout.submit(key, request(words))
            provider.let(words)
        wait_until_asked(provider, 5)
        assert len(fanout.collect(timeout_s=5, limit=2)) == 2
        assert len(collect_all(fanout, 3)) == 3


def test_a_throttled_call_is_asked_again_and_only_its_answer_comes_out() -> None:
    refused = [Throttled("slow down", retry_after_s=0.1)] * 3

    def reply(_: Request) -> Completion:
        if refused:
            raise refused.pop()
        return completion()

    with Fanout(lambda: ScriptedProvider(reply), 8) as fanout:
        began_s = time.monotonic()
        for key in range(8):
            fanout.submit(key, request())
        outcomes = collect_all(fanout, 8)
        assert time.monotonic() - began_s >= 0.1
        assert {outcome.key for outcome in outcomes} == set(range(8))
        assert {text_of(outcome) for outcome in outcomes} == {"fine"}
        assert str(fanout.last_throttle) == "slow down"
        assert fanout.throttled_calls == 3


def test_a_refused_call_leaves_its_place_to_others_until_it_is_sent_again() -> None:
    asked: list[str] = []
    may_answer = threading.Event()

    def reply(asking: Request) -> Completion:
        assert isinstance(asking.prompt, ChatPrompt)
        words = asking.prompt.messages[0].content
        asked.append(words)
        if words == "refused" and not may_answer.is_set():
            raise Throttled("not now", retry_after_s=0.2)
        return completion(words)

    with Fanout(lambda: ScriptedProvider(reply), 1) as fanout:
        fanout.submit(0, request("refused"))
        until_s = time.monotonic() + 30
        while fanout.set_aside == 0 and time.monotonic() < until_s:
            time.sleep(0.002)
        assert (fanout.in_flight, fanout.capacity) == (1, 1)
        fanout.submit(1, request("other"))
        assert [outcome.key for outcome in collect_all(fanout, 1)] == [1]
        assert fanout.held_s == 0, "one refused call holds nobody"
        may_answer.set()
        assert [outcome.key for outcome in collect_all(fanout, 1)] == [0]
        assert (fanout.in_flight, fanout.set_aside) == (0, 0)


def test_calls_that_wait_because_they_were_refused_are_withdrawn_and_abandoned() -> None:
    def reply(_: Request) -> Completion:
        raise Throttled("not now", retry_after_s=30.0)

    with Fanout(lambda: ScriptedProvider(reply), 1) as fanout:
        for take in (fanout.withdraw, lambda: [one.key for one in fanout.abandon()]):
            fanout.submit(7, request())
            until_s = time.monotonic() + 30
            while fanout.set_aside == 0 and time.monotonic() < until_s:
                time.sleep(0.002)
            assert fanout.quiet_s > 20, "all that there is waits"
            assert fanout.refused_s is not None
            assert take() == [7]
            assert (fanout.in_flight, fanout.set_aside) == (0, 0)


def test_while_a_throttle_holds_nobody_asks_and_abandon_gives_everything_back() -> None:
    asked = []

    def reply(_: Request) -> Completion:
        asked.append(1)
        raise Throttled("come back tomorrow", retry_after_s=86_400)

    with Fanout(lambda: ScriptedProvider(reply), 4, patience_s=600.0) as fanout:
        for key in range(4):
            fanout.submit(key, request())
        until_s = time.monotonic() + 30
        while fanout.held_s == 0 and time.monotonic() < until_s:
            time.sleep(0.002)
        fanout.submit(4, request())
        assert fanout.collect(timeout_s=0.1) == []
        assert len(asked) <= 4
        assert fanout.held_s > 80_000
        assert fanout.quiet_s > 80_000
        assert fanout.refused_s is not None
        assert [dropped.key for dropped in fanout.abandon()] == [0, 1, 2, 3, 4]
        assert fanout.in_flight == 0


def test_what_is_withdrawn_was_not_out_and_what_is_out_is_still_answered() -> None:
    fanout, provider = gated(2)
    with fanout:
        for key, words in enumerate("abcd"):
            fanout.submit(key, request(words))
        wait_until_asked(provider, 2)
        assert fanout.withdraw() == [2, 3]
        assert fanout.withdraw() == []
        assert fanout.in_flight == 2
        for words in "ab":
            provider.let(words)
        assert [outcome.key for outcome in collect_all(fanout, 2)] == [0, 1]
        assert fanout.capacity == 2
    assert provider.asked == ["a", "b"]


def test_other_troubles_come_out_as_outcomes() -> None:
    def reply(_: Request) -> Completion:
        raise ItemError("no answer")

    with Fanout(lambda: ScriptedProvider(reply), 2) as fanout:
        fanout.submit(7, request())
        (outcome,) = collect_all(fanout, 1)
    assert outcome.key == 7
    assert isinstance(outcome.answer, ItemError)


def test_a_defect_of_the_provider_is_raised_to_the_caller() -> None:
    def reply(_: Request) -> Completion:
        raise ZeroDivisionError("a defect")

    with Fanout(lambda: ScriptedProvider(reply), 2) as fanout:
        fanout.submit(0, request())
        with pytest.raises(ZeroDivisionError, match="a defect"):
            fanout.collect(timeout_s=5)
        assert fanout.in_flight == 0


def test_abandon_keeps_what_was_answered_and_the_fanout_can_go_on() -> None:
    fanout, provider = gated(2)
    with fanout:
        for key, words in enumerate("abc"):
            fanout.submit(key, request(words))
        wait_until_asked(provider, 2)
        provider.let("a")
        wait_until_asked(provider, 3)
        assert fanout.abandon() == [Dropped(1, was_out=True), Dropped(2, was_out=True)]
        assert [outcome.key for outcome in fanout.collect(timeout_s=0)] == [0]
        fanout.submit(3, request("d"))
        provider.let("d")
        assert [outcome.key for outcome in collect_all(fanout, 1)] == [3]


def test_close_ends_calls_in_the_air_and_the_provider_and_can_be_repeated() -> None:
    fanout, provider = gated(2)
    fanout.submit(0, request("never"))
    wait_until_asked(provider, 1)
    fanout.close()
    fanout.close()
    assert provider.closed
    with pytest.raises(RuntimeError, match="closed"):
        fanout.submit(1, request())


def test_what_the_factory_raises_comes_out_of_the_constructor() -> None:
    def factory() -> ScriptedProvider:
        raise ConfigurationError("no such address")

    with pytest.raises(ConfigurationError, match="no such address"):
        Fanout(factory, 2)


def test_a_fanout_of_the_parent_is_refused_in_a_forked_child() -> None:
    with Fanout(lambda: ScriptedProvider(lambda _: completion()), 1) as fanout:
        here = os.getpid()
        # Forking a threaded test process is unsafe.
        fanout._thread._pid = here + 1  # noqa: SLF001
        with pytest.raises(RuntimeError, match="fork"):
            fanout.submit(0, request())


def test_over_http_all_places_are_used_and_closing_leaves_nothing_open() -> None:
    with scripted_server(lambda call: ScriptedReply(f"reply {call.n}", delay_s=0.05)) as server:
        with Fanout(lambda: OpenAIProvider(server.base_url, None, "m", 10), 24) as fanout:
            for key in range(72):
                fanout.submit(key, request())
            outcomes = collect_all(fanout, 72)
            assert all(outcome.latency_s >= 0.05 for outcome in outcomes)
        assert {text_of(outcome) for outcome in outcomes} == {f"reply {n}" for n in range(1, 73)}
        assert server.counts.most_in_flight == 24


def test_over_http_closing_in_the_middle_of_calls_is_quick_and_clean() -> None:
    with scripted_server(lambda _: ScriptedReply(delay_s=20)) as server:
        fanout = Fanout(lambda: OpenAIProvider(server.base_url, None, "m", 60), 40)
        for key in range(40):
            fanout.submit(key, request())
        until_s = time.monotonic() + 30
        while server.counts.in_flight < 40 and time.monotonic() < until_s:
            time.sleep(0.01)
        began_s = time.monotonic()
        fanout.close()
        assert time.monotonic() - began_s < 2


def test_a_throttling_endpoint_gets_few_requests_in_vain() -> None:
    lock = threading.Lock()
    times_s: list[float] = []

    def at_most_50_a_second(_: ScriptedCall) -> ScriptedReply:
        with lock:
            now_s = time.monotonic()
            times_s[:] = [at_s for at_s in times_s if at_s > now_s - 0.2]
            if len(times_s) >= 10:
                return ScriptedReply(status=429, headers={"Retry-After-Ms": "100"})
            times_s.append(now_s)
        return ScriptedReply("ok", delay_s=0.02)

    with scripted_server(at_most_50_a_second) as server:
        with Fanout(lambda: OpenAIProvider(server.base_url, None, "m", 10), 8) as fanout:
            for key in range(60):
                fanout.submit(key, request())
            outcomes = collect_all(fanout, 60)
        assert {text_of(outcome) for outcome in outcomes} == {"ok"}
        assert server.counts.calls <= 100


def test_one_process_may_hold_several_fanouts() -> None:
    def one(number: int) -> str:
        reply = completion(str(number))
        with Fanout(lambda: ScriptedProvider(lambda _: reply), 1) as fanout:
            fanout.submit(number, request())
            return text_of(collect_all(fanout, 1)[0])

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(4))) == ["0", "1", "2", "3"]
