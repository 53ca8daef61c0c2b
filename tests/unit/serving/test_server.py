"""The server is on loopback, on the port that is wished or any."""

import socket

import pytest
from fastapi import FastAPI

from app.errors import ConfigurationError
from app.serving.server import HOST, open_listener, serve


class Told(Exception):
    """Ends the server before it begins."""


def tell(url: str) -> None:
    raise Told(url)


def test_it_listens_before_it_says_where() -> None:
    with open_listener(0) as listener:
        assert listener.getsockname()[0] == HOST
        with pytest.raises(Told, match=r"^http://127\.0\.0\.1:[1-9]\d+/v1$"):
            serve(FastAPI(), listener, tell)


def test_a_port_that_is_taken_is_reported() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"Port {port} is not available"):
            open_listener(port)
