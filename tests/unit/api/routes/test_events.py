"""Which of its two forms a request for events asks for."""

import pytest

from app.api.routes.events import asks_for_stream


@pytest.mark.parametrize(
    "accept",
    [
        "text/event-stream",
        "Text/Event-Stream",
        "text/event-stream, application/json;q=0.9",
        "application/json; q=0.5, text/event-stream; q=0.8",
        "text/event-stream, */*;q=0.1",
        "text/*",
    ],
)
def test_who_likes_an_event_stream_better_gets_one(accept: str) -> None:
    assert asks_for_stream(accept)


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "",
        "*/*",
        "application/json",
        "application/json, text/event-stream",
        "text/event-stream;q=0.5, application/json",
        "text/event-stream;q=0",
        "text/event-stream;q=much",
        "text/html, */*;q=0.8",
        "application/*",
        ";;,;q=1,,",
    ],
)
def test_everyone_else_gets_json(accept: str | None) -> None:
    assert not asks_for_stream(accept)
