"""Which requests for events get the stream, and which get the page."""

import anyio
import httpx
import pytest
from fastapi import APIRouter, FastAPI

from app.api.streaming import EventStreamRoute


def answered(accept: str | None) -> str:
    streams, pages = APIRouter(route_class=EventStreamRoute), APIRouter()
    streams.get("/events")(lambda: "stream")
    pages.get("/events")(lambda: "page")
    api = FastAPI()
    api.include_router(streams)
    api.include_router(pages)

    async def ask() -> str:
        transport = httpx.ASGITransport(api)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            headers = {"Accept": accept} if accept is not None else {}
            answer = await client.get("/events", headers=headers)
        return str(answer.json())

    return anyio.run(ask)


@pytest.mark.parametrize(
    "accept", ["text/event-stream", "Text/Event-Stream", "text/event-stream, */*;q=0.1"]
)
def test_a_client_that_names_an_event_stream_gets_the_stream(accept: str) -> None:
    assert answered(accept) == "stream"


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "",
        "*/*",
        "text/*",
        "application/json",
        "application/json, text/event-stream",
        "text/html, */*;q=0.8",
        ";;,;q=1,,",
    ],
)
def test_every_other_client_gets_the_page(accept: str | None) -> None:
    assert answered(accept) == "page"
