"""Slow clients lose their connection; those that wait for nothing of theirs do not."""

import socket
import time
from collections.abc import Iterator

import pytest

from app.api.context import ApiContext
from app.api.slow_connections import SlowLimits, protocol_with
from app.services.context import ServiceContext
from tests.servers.api import running_api

_HEAD = b"POST /v1/datasets/import?name=a&format=alpaca HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /v1/health HTTP/1.1\r\nHost: 127", _HEAD + b"Content-Length: 100\r\n\r\n["],
    ids=["nothing", "half a header", "half a body"],
)
def test_a_client_that_stops_sending_is_disconnected(context: ServiceContext, sent: bytes) -> None:
    api_context = ApiContext(context, send=lambda _: None, broker_trouble=lambda: None)
    with running_api(api_context, protocol_with(SlowLimits(0.2, 0.2))) as api:
        address = (str(api.http.base_url.host), int(api.http.base_url.port or 0))
        slow = [socket.create_connection(address, 20) for _ in range(20)]
        for one in slow:
            one.sendall(sent)
        assert api.http.get("/health").status_code == 200
        for one in slow:
            with one:
                assert one.recv(1) == b""


def test_an_upload_that_moves_may_take_longer(context: ServiceContext) -> None:
    api_context = ApiContext(context, send=lambda _: None, broker_trouble=lambda: None)
    piece = b" " * 65_536
    with running_api(api_context, protocol_with(SlowLimits(5.0, 0.5))) as api:

        def moving() -> Iterator[bytes]:
            until = time.monotonic() + 1.5
            while time.monotonic() < until:
                yield piece
                time.sleep(0.02)

        query = {"name": "a", "format": "alpaca"}
        answer = api.http.post("/datasets/import", params=query, content=moving())
        assert answer.status_code == 422, answer.text
