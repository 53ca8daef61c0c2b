"""Bytes that are not HTTP: answered by a problem detail, and never twice."""

import logging
import socket

import httpx
import pytest

from app.api.context import ApiContext
from app.api.slow_connections import SlowLimits, protocol_with
from app.services.context import ServiceContext
from tests.servers.api import running_api

_POST = b"POST /v1/%s HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n"


def test_what_is_not_http_is_answered_by_a_problem(
    context: ServiceContext, caplog: pytest.LogCaptureFixture
) -> None:
    api_context = ApiContext(context, send=lambda _: None, broker_trouble=lambda: None)
    with running_api(api_context, protocol_with(SlowLimits(5.0, 5.0))) as api:
        url = api.http.base_url
        for sent in (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            b"GET /" + b"a" * 100_000,
            _POST % b"datasets/import?name=a" + b"\r\nnot a length\r\n",
        ):
            answer = _answer(url, sent)
            head, _, body = answer.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 400 "), sent[:50]
            assert b"application/problem+json" in head, head
            assert b"nosniff" in head, head
            assert b"not a valid HTTP request" in body, body
        # Refused before its body, which then turns out to be none.
        answer = _answer(url, _POST % b"nothing" + b"\r\n", b"not a length\r\n")
        assert answer.startswith(b"HTTP/1.1 404 "), answer
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


def _answer(url: httpx.URL, *parts: bytes) -> bytes:
    with socket.create_connection((url.host, int(url.port or 0)), 20) as connection:
        received = b""
        for sent in parts[:-1]:
            connection.sendall(sent)
            received += connection.recv(65_536)
        connection.sendall(parts[-1])
        while piece := connection.recv(65_536):
            received += piece
        return received
