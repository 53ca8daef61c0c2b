"""Connections over real sockets: kept, bounded, and honest about what goes wrong."""

import asyncio
import gzip
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from app.errors import ConfigurationError, ItemError, Outage, RunError
from app.llm.classify_errors import Failure, classify
from app.llm.connections import MAX_BYTES, MAX_ERROR_BYTES, Connections, Reply
from app.llm.scripted.server import always_fine, scripted_server

HEADERS = {
    "Authorization": "Bearer sk-secret",
    "X-Gateway-Key": "sk-secret-2",
    "Accept-Encoding": "identity",
}


class RawServer:
    """Answers each request on a connection with the bytes that `script` makes of it."""

    def __init__(self, script: Callable[[bytes], bytes]) -> None:
        self._script = script
        self.connections = 0
        self.requests: list[bytes] = []
        self.port = 0
        self._talks: set[asyncio.Task[None]] = set()

    async def serve(self, ready: threading.Event, over: asyncio.Event) -> None:
        async with await asyncio.start_server(self._accept, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
            await over.wait()
        # A loop that ends first leaves their sockets open, and a later test is blamed for that.
        await asyncio.gather(*self._talks)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._talks.add(asyncio.create_task(self._talk(reader, writer)))

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while head := await _head(reader):
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
            self.requests.append(head + await reader.readexactly(int(length or 0)))
            answer = self._script(self.requests[-1])
            writer.write(answer)
            with suppress(ConnectionError):
                await writer.drain()
            if b"Connection: close" in answer or not answer.startswith(b"HTTP/1.1"):
                break
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


@contextmanager
def raw_server(script: Callable[[bytes], bytes]) -> Iterator[RawServer]:
    server, ready, over = RawServer(script), threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    def run() -> None:
        loop.run_until_complete(server.serve(ready, over))
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def with_connections(
    base_url: str, work: Callable[[Connections], Awaitable[Reply | Failure]]
) -> Reply | Failure:
    async def talk() -> Reply | Failure:
        connections = Connections(base_url, HEADERS)
        try:
            return await work(connections)
        finally:
            await connections.aclose()

    return asyncio.run(talk())


def post(base_url: str, body: bytes = b"{}") -> Reply | Failure:
    return with_connections(base_url, lambda connections: connections.post("/chat", body))


def test_a_reply_comes_back_as_it_was_sent() -> None:
    with raw_server(lambda _: http(b"hi", "418 I'm a teapot", "X-Name: value")) as server:
        reply = post(f"http://127.0.0.1:{server.port}/v1/", b'{"a": 1}')
    assert isinstance(reply, Reply)
    assert (reply.status, reply.body, reply.headers["x-name"]) == (418, b"hi", "value")
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/chat HTTP/1.1")
    assert b"Authorization: Bearer sk-secret" in head
    assert body == b'{"a": 1}'


def test_a_connection_is_used_again_when_its_call_has_ended() -> None:
    async def thrice(connections: Connections) -> Reply | Failure:
        for _ in range(2):
            await asyncio.gather(*(connections.post("/chat", b"{}") for _ in range(3)))
        return await connections.post("/chat", b"{}")

    with raw_server(lambda _: http(b"{}")) as server:
        with_connections(f"http://127.0.0.1:{server.port}", thrice)
    assert len(server.requests) == 7
    assert server.connections == 3


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"hello, this is no HTTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\nConnection: close\r\n\r\n",
        http(b"plain", "200 OK", "Content-Encoding: gzip", "Connection: close"),
    ],
    ids=["closed", "no HTTP", "cut off", "broken chunks", "endless header", "no gzip"],
)
def test_what_is_no_whole_answer_is_a_failed_connection_that_names_the_host(answer: bytes) -> None:
    with raw_server(lambda _: answer) as server:
        failure = post(f"http://127.0.0.1:{server.port}/v1")
    assert isinstance(failure, Failure)
    assert failure.cause == "connection"
    assert failure.words.startswith(f"127.0.0.1:{server.port}: ")
    assert "sk-secret" not in failure.words


def test_a_small_reply_that_unpacks_to_a_large_one_is_not_unpacked_to_its_end() -> None:
    bomb = gzip.compress(b" " * (20 * MAX_BYTES))
    with (
        raw_server(lambda _: http(bomb, "200 OK", "Content-Encoding: gzip")) as server,
        pytest.raises(ItemError, match="larger than"),
    ):
        post(f"http://127.0.0.1:{server.port}/v1")


def test_of_a_large_error_the_beginning_is_kept() -> None:
    with raw_server(lambda _: http(b"x" * (3 * MAX_ERROR_BYTES), "500 Oh")) as server:
        reply = post(f"http://127.0.0.1:{server.port}/v1")
    assert isinstance(reply, Reply)
    assert reply.body == b"x" * MAX_ERROR_BYTES


def test_a_login_in_the_address_is_sent_and_not_shown() -> None:
    with raw_server(lambda _: http(b"{}")) as server:
        post(f"http://user:p%40ss@127.0.0.1:{server.port}/v1")
    assert b"Authorization: Basic dXNlcjpwQHNz\r\n" in server.requests[0]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    failure = post(f"http://user:p%40ss@127.0.0.1:{port}/v1")
    assert isinstance(failure, Failure)
    assert "p%40ss" not in failure.words


def test_a_redirect_to_another_host_does_not_get_the_key() -> None:
    with raw_server(lambda _: http(b"there")) as other:
        location = f"Location: http://127.0.0.1:{other.port}/moved"
        with raw_server(lambda _: http(b"", "307 Moved", location)) as first:
            reply = post(f"http://127.0.0.1:{first.port}/v1", b'{"a": 1}')
    assert isinstance(reply, Reply)
    assert reply.body == b"there"
    assert other.requests[0].startswith(b"POST /moved")
    assert other.requests[0].endswith(b'{"a": 1}')
    assert b"sk-secret" not in other.requests[0]


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_redirect_that_would_become_another_call_names_the_new_address(status: int) -> None:
    with raw_server(lambda _: http(b"", f"{status} Moved", "Location: /v2/chat")) as server:
        failure = post(f"http://127.0.0.1:{server.port}/v1")
        assert len(server.requests) == 1
    assert isinstance(failure, Failure)
    trouble = classify(failure, now_at_s=0)
    assert type(trouble) is RunError
    assert f"moved to http://127.0.0.1:{server.port}/v2" in str(trouble)
    assert "OPENAI_BASE_URL" in str(trouble)


def test_a_redirect_in_a_circle_ends() -> None:
    with raw_server(lambda _: http(b"", "307 Moved", "Location: /again")) as server:
        failure = post(f"http://127.0.0.1:{server.port}/v1")
        assert len(server.requests) == 3
    assert isinstance(failure, Failure)
    trouble = classify(failure, now_at_s=0)
    assert type(trouble) is RunError
    assert "in a circle" in str(trouble)
    assert f"127.0.0.1:{server.port}/again" in str(trouble)
    assert "OPENAI_BASE_URL" in str(trouble)


def test_a_query_of_the_address_follows_the_path() -> None:
    with raw_server(lambda _: http(b"{}")) as server:
        post(f" http://127.0.0.1:{server.port}/openai/v1/?api-version=2024-10-21 ")
    assert server.requests[0].startswith(b"POST /openai/v1/chat?api-version=2024-10-21 HTTP/1.1")


def test_a_port_that_speaks_http_is_named_when_https_is_asked() -> None:
    with scripted_server(always_fine) as server:
        failure = post(server.base_url.replace("http:", "https:"))
    assert isinstance(failure, Failure)
    assert "http instead of https" in failure.words
    assert not failure.arrived


def test_a_host_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    failure = post("http://model.invalid/v1")
    assert isinstance(failure, Failure)
    assert "no host model.invalid" in failure.words


def test_a_proxy_that_is_down_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    failure = post("http://model.invalid/v1")
    assert isinstance(failure, Failure)
    trouble = classify(failure, now_at_s=0)
    assert type(trouble) is Outage
    assert "HTTP_PROXY" in str(trouble)


def test_a_proxy_of_the_environment_is_asked_for_other_hosts_but_not_for_loopback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with raw_server(lambda _: http(b"proxied")) as proxy, raw_server(lambda _: http(b"own")) as own:
        monkeypatch.setenv("http_proxy", f"127.0.0.1:{proxy.port}")
        through = post("http://model.invalid/v1")
        direct = post(f"http://127.0.0.1:{own.port}/v1")
    assert isinstance(through, Reply)
    assert isinstance(direct, Reply)
    assert (through.body, direct.body) == (b"proxied", b"own")
    assert proxy.requests[0].startswith(b"POST http://model.invalid/v1/chat HTTP/1.1")


def test_no_proxy_takes_a_host_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", ".invalid")
    failure = post("http://model.invalid/v1")
    assert isinstance(failure, Failure)
    assert "127.0.0.1:9" not in failure.words


def test_a_proxy_of_another_kind_is_a_fault_of_the_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("https_proxy", raising=False)
    monkeypatch.delenv("HTTPS_PROXY", raising=False)
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:9")
    with pytest.raises(ConfigurationError, match="proxy"):
        Connections("https://model.invalid/v1", HEADERS)
