"""The user at the other end of a connection: by the kernel's answer, and by its tables."""

import os
import socket
from pathlib import Path

import pytest

from app.stack.peer_user import peers_are_known, user_asked, user_in_tables, user_of_peer

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout"
REST = "00000000:00000000 00:00000000 00000000"
V4 = "0100007F"
V4_IN_V6 = "0000000000000000FFFF00000100007F"
V6 = "00000000000000000000000001000000"


def row(local: str, remote: str, state: str, user: int) -> str:
    return f"   0: {local} {remote} {state} {REST}  {user}        0 1145 1 00000000bc692d9c 100 0"


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """Port 1F90 is the service's, and C350 and those after it are its callers'."""
    v4 = [
        row(f"{V4}:1F90", "00000000:0000", "0A", 7),
        # The same port of the caller, to another service; the end that is ours; one that is over.
        row(f"{V4}:C350", f"{V4}:1F91", "01", 8),
        row(f"{V4}:1F90", f"{V4}:C350", "01", 9),
        row(f"{V4}:C351", f"{V4}:1F90", "06", 0),
        row(f"{V4}:C350", f"{V4}:1F90", "01", 1000),
    ]
    v6 = [
        row(f"{V6}:C350", f"{V6}:1F90", "01", 1001),
        row(f"{V4_IN_V6}:C352", f"{V4_IN_V6}:1F90", "01", 4294967294),
    ]
    for name, rows in (("tcp", v4), ("tcp6", v6)):
        (tmp_path / name).write_text("\n".join([HEAD, *rows]) + "\n")
    return tmp_path


@pytest.mark.parametrize(
    ("host", "port", "user"),
    [
        ("127.0.0.1", 50_000, 1000),
        ("::ffff:127.0.0.1", 50_000, 1000),
        ("::1", 50_000, 1001),
        ("127.0.0.1", 50_002, 4294967294),
        ("127.0.0.1", 50_001, None),
        ("127.0.0.1", 50_003, None),
        ("127.0.0.2", 50_000, None),
        ("::1", 50_002, None),
    ],
)
def test_the_tables_name_the_user_of_an_established_connection(
    tables: Path, host: str, port: int, user: int | None
) -> None:
    assert user_in_tables((host, port), (host, 8080), tables) == user


def test_without_tables_nobody_is_known(tmp_path: Path) -> None:
    assert user_in_tables(("127.0.0.1", 1), ("127.0.0.1", 2), tmp_path) is None


@pytest.mark.parametrize(
    ("listens", "asked"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "::ffff:127.0.0.1"),
        ("::", "127.0.0.1"),
        ("::", "::1"),
    ],
)
def test_a_connection_of_our_own_is_known_in_either_way(listens: str, asked: str) -> None:
    family = socket.AF_INET6 if ":" in listens else socket.AF_INET
    dual = {"dualstack_ipv6": True} if ":" in listens else {}
    with (
        socket.create_server((listens, 0), family=family, **dual) as server,
        socket.create_connection((asked, server.getsockname()[1])),
        server.accept()[0] as accepted,
    ):
        peer, own = accepted.getpeername()[:2], accepted.getsockname()[:2]
        assert user_asked(peer, own) == os.geteuid()
        assert user_in_tables(peer, own) == os.geteuid()
        assert user_of_peer(peer, own) == os.geteuid()
        # What listens on a port is not what is connected from it.
        assert user_of_peer(own, peer) is not None
        assert user_of_peer(server.getsockname()[:2], ("127.0.0.1", 1)) is None


def test_what_is_no_address_is_nobody() -> None:
    assert user_of_peer(("", 0), ("/tmp/socket", 0)) is None  # noqa: S108 nothing is made there
    assert peers_are_known()
