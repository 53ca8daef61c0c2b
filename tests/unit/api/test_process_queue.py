"""The queue of imports has a number of places; without one the answer says when to try again."""

import asyncio
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI

from app.api.files.process_queue import ProcessQueue
from app.errors import Busy
from app.services.context import ImportProcessLimits, ServiceContext
from tests.unit.api.conftest import client_of


def test_places_are_for_those_at_work_and_those_who_wait() -> None:
    async def third() -> None:
        queue = ProcessQueue(ImportProcessLimits(at_once=1, waiting=1))
        async with queue.place():
            async with queue.place():
                with pytest.raises(Busy, match="2 imports"):
                    async with queue.place():
                        pass
            async with queue.place():
                assert await queue.run(lambda stopped: stopped()) is False

    asyncio.run(third())


def test_an_import_that_is_given_up_is_told() -> None:
    async def given_up() -> None:
        queue = ProcessQueue(ImportProcessLimits(at_once=1))
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        def work(stopped: object) -> None:
            assert callable(stopped)
            loop.call_soon_threadsafe(begun.set)
            while not stopped():
                pass
            loop.call_soon_threadsafe(ended.set)

        task = asyncio.create_task(queue.run(work))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await ended.wait()

    asyncio.run(given_up())


def test_without_a_place_the_answer_is_503_with_retry_after(context: ServiceContext) -> None:
    one = replace(context, import_process=ImportProcessLimits(at_once=1, waiting=0))
    with client_of(one, []) as client:
        app = client.app
        assert isinstance(app, FastAPI)

    async def refused() -> httpx.Response:
        transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
        async with (
            app.state.imports.place(),
            httpx.AsyncClient(transport=transport, base_url="http://localhost") as http,
        ):
            params = {"name": "a", "format": "alpaca"}
            return await http.post("/v1/datasets/import", params=params, content=b"[]")

    answer = asyncio.run(refused())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert "SEEDBED_IMPORT_QUEUE" in answer.json()["detail"]
