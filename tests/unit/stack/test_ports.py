import os
import socket
import sys

import pytest

from app.stack.ports import free_port, is_free, listens, reachable_host

LOOPBACK = "127.0.0.1"


def listener() -> socket.socket:
    server = socket.socket()
    server.bind((LOOPBACK, 0))
    server.listen()
    return server


def test_a_free_port_can_be_listened_on() -> None:
    port = free_port(LOOPBACK)
    assert is_free(LOOPBACK, port)
    with socket.socket() as server:
        server.bind((LOOPBACK, port))


def test_a_port_somebody_listens_on_is_not_free() -> None:
    with listener() as server:
        assert not is_free(LOOPBACK, server.getsockname()[1])


def test_an_address_of_another_machine_is_an_error_not_a_taken_port() -> None:
    with pytest.raises(OSError, match="assign"):
        is_free("192.0.2.1", 80)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tell")
def test_a_listener_is_known_by_its_process() -> None:
    with listener() as server:
        port = server.getsockname()[1]
        assert listens(os.getpid(), port)
        assert not listens(os.getppid(), port)
    assert not listens(os.getpid(), port)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tell")
def test_a_process_that_is_gone_listens_on_nothing() -> None:
    assert not listens(2**22 + 1, 80)


@pytest.mark.parametrize(
    ("host", "reached_by"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104
        ("::", "[::1]"),
        ("::1", "[::1]"),
        ("example.test", "example.test"),
    ],
)
def test_a_server_is_reached_at_an_address_that_a_url_can_hold(host: str, reached_by: str) -> None:
    assert reachable_host(host) == reached_by
