"""Calls to several endpoints, whose answers come out in one place."""

import asyncio
import threading

import pytest

from app.errors import ConfigurationError
from app.llm.parallel.calls import FIRST_IN_FLIGHT, Calls, Endpoint
from app.llm.parallel.outcomes import Outcome
from app.llm.provider import Provider, ProviderFactory
from app.llm.scripted.provider import ScriptedProvider
from app.pipeline.types import ChatPrompt, Completion, Message, Parameters, Request

ASKED = Request(ChatPrompt((Message("user", "hello"),)), Parameters(0.7, 1.0, 20), "test/chat@1")


def answering(name: str) -> Endpoint:
    def provider_for(model: str) -> ProviderFactory:
        return lambda: ScriptedProvider(lambda _: Completion(name, "stop", model))

    return Endpoint(name, provider_for)


def silent(name: str) -> Endpoint:
    return Endpoint(name, lambda _: _Silent)


class _Silent:
    async def complete(self, _: Request) -> Completion:
        await asyncio.Event().wait()
        raise AssertionError

    async def aclose(self) -> None:
        pass


def refusing(_: str) -> ProviderFactory:
    def factory() -> Provider:
        raise ConfigurationError("no address")

    return factory


def collect(calls: Calls, count: int) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for _ in range(200):
        outcomes += calls.collect(0.05, count - len(outcomes))
        if len(outcomes) >= count:
            break
    assert len(outcomes) == count
    return outcomes


def test_each_endpoint_answers_what_it_was_asked_and_all_comes_out_together() -> None:
    with Calls([answering("east"), answering("west")], "m", 8) as calls:
        for key, name in enumerate(["east", "west", "east"]):
            calls.lanes[name].submit(key, ASKED)
        found = {one.key: one.answer for one in collect(calls, 3)}
    names = {key: answer.text for key, answer in found.items() if isinstance(answer, Completion)}
    assert names == {0: "east", 1: "west", 2: "east"}
    assert {a.model for a in found.values() if isinstance(a, Completion)} == {"m"}


@pytest.mark.parametrize(("concurrency", "first"), [(2, 2), (64, FIRST_IN_FLIGHT)])
def test_each_endpoint_begins_with_a_few_calls(concurrency: int, first: int) -> None:
    with Calls([silent("east"), silent("west")], "m", concurrency) as calls:
        assert {lane.capacity for lane in calls.lanes.values()} == {first}


def test_abandoning_cuts_off_what_is_in_the_air_anywhere() -> None:
    with Calls([silent("east"), answering("west")], "m", 8) as calls:
        calls.lanes["west"].submit(1, ASKED)
        assert [one.key for one in collect(calls, 1)] == [1]
        calls.lanes["east"].submit(2, ASKED)
        assert [dropped.key for dropped in calls.abandon()] == [2]
        assert calls.collect(0.0, 1) == []


def test_an_endpoint_that_cannot_be_used_leaves_no_thread_behind() -> None:
    before = set(threading.enumerate())
    with pytest.raises(ConfigurationError):
        Calls([answering("east"), Endpoint("west", refusing)], "m", 8)
    assert set(threading.enumerate()) <= before


def test_closing_twice_is_free_and_ends_the_thread() -> None:
    before = set(threading.enumerate())
    calls = Calls([silent("east")], "m", 8)
    calls.lanes["east"].submit(1, ASKED)
    calls.close()
    calls.close()
    assert set(threading.enumerate()) <= before
