"""The user at the other end of a TCP connection on this machine, as the kernel knows it.

The kernel is asked for the one socket (``sock_diag``), which takes microseconds. Where it does not
answer, the socket is looked for in ``/proc/net/tcp`` and ``tcp6``, which takes milliseconds.
"""

import socket
import struct
import sys
from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import TypeAlias

Address: TypeAlias = tuple[str, int]
"""Host, as an IP address, and port."""
KERNEL_TABLES = Path("/proc/self/net")
_ESTABLISHED = 1
_ASK_TIMEOUT_S = 1.0
_TRIES = 2
"""The kernel gives a table in pieces, so a row can be missed while others come and go."""

# From the kernel's headers: netlink.h, sock_diag.h, inet_diag.h.
_NETLINK = 16
_SOCK_DIAG = 4
_BY_FAMILY = 20
_REQUEST = 1
_HEADER = struct.Struct("=IHHII")
"""Length, type, flags, sequence number, port."""
_WANTED = struct.Struct("=BBBBI")
"""Family, protocol, extensions, padding, states as bits."""
_PORTS = struct.Struct("!HH")
_NO_MORE = struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)
"""Any interface, no cookie: the end of what names a socket."""
_FOUND = struct.Struct("=BBBB48xIIIII")
"""Family, state, timer, retransmissions, addresses, expiry, two queues, user, inode."""


def user_of_peer(peer: Address, own: Address) -> int | None:
    """Return the id of the user whose program is at the other end of a connection.

    Args:
        peer: the address of the other end.
        own: the address of this end; together they name one connection.

    Returns:
        The id; None: it can't be known, because this is not Linux, the kernel does not answer, or
        the connection is not established, or crosses network namespaces.
    """
    if not sys.platform.startswith("linux"):
        return None
    try:
        asked = user_asked(peer, own)
        return user_in_tables(peer, own) if asked is None else asked
    except ValueError:
        # Not an address, as when a server listens on a unix socket.
        return None


def user_asked(peer: Address, own: Address) -> int | None:
    """Ask the kernel for the user of the peer's socket; None: it does not say."""
    (host, port), (own_host, own_port) = peer, own
    source, target = _packed(host), _packed(own_host)
    family = socket.AF_INET if len(source) == len(target) == 4 else socket.AF_INET6
    wanted = _WANTED.pack(family, socket.IPPROTO_TCP, 0, 0, 1 << _ESTABLISHED)
    ends = _PORTS.pack(port, own_port) + source.ljust(16, b"\0") + target.ljust(16, b"\0")
    body = wanted + ends + _NO_MORE
    header = _HEADER.pack(_HEADER.size + len(body), _BY_FAMILY, _REQUEST, 1, 0)
    try:
        with socket.socket(_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
            kernel.settimeout(_ASK_TIMEOUT_S)
            kernel.send(header + body)
            answer = kernel.recv(8192)
    except OSError:
        return None
    _length, kind, *_ = _HEADER.unpack_from(answer)
    if kind != _BY_FAMILY:
        return None
    _family, state, *_, uid, _inode = _FOUND.unpack_from(answer, _HEADER.size)
    # It can also be a socket that listens on the peer's port.
    return int(uid) if state == _ESTABLISHED else None


def user_in_tables(peer: Address, own: Address, tables: Path = KERNEL_TABLES) -> int | None:
    """Look for the user of the peer's socket in the files ``tcp`` and ``tcp6`` of a folder."""
    rows = list(_row_starts(peer, own))
    for _ in range(_TRIES):
        for table, start in rows:
            uid = _uid_in(_text_of(tables / table), start)
            if uid is not None:
                return uid
    return None


def peers_are_known() -> bool:
    """Return True when this process can tell the user of a connection, tried on one of its own."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        own = server.getsockname()
        with socket.create_connection(own) as client:
            return user_of_peer(client.getsockname(), own) is not None


def _text_of(table: Path) -> str:
    try:
        return table.read_text(encoding="ascii")
    except OSError:
        return ""


def _row_starts(peer: Address, own: Address) -> Iterator[tuple[str, str]]:
    """Yield the tables that can have the row of the peer's socket, and its columns to its state."""
    (host, port), (own_host, own_port) = peer, own
    ends = [_packed(host), _packed(own_host)]
    if all(len(end) == 4 for end in ends):
        yield "tcp", _row_start(ends, port, own_port)
        ends = [IPv6Address(f"::ffff:{socket.inet_ntoa(end)}").packed for end in ends]
    yield "tcp6", _row_start(ends, port, own_port)


def _row_start(ends: list[bytes], port: int, own_port: int) -> str:
    source, target = map(_in_hex, ends)
    return f" {source}:{port:04X} {target}:{own_port:04X} {_ESTABLISHED:02X} "


def _in_hex(packed: bytes) -> str:
    """Return an address as the tables have it: words of 32 bits in this machine's order."""
    words = (packed[at : at + 4] for at in range(0, len(packed), 4))
    return "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words)


def _uid_in(text: str, start: str) -> int | None:
    found = text.find(start)
    if found < 0:
        return None
    # Queues, timer, retransmissions, user.
    return int(text[found + len(start) :].split(None, 4)[3])


def _packed(host: str) -> bytes:
    """Return an address as bytes, 4 also for one of IPv4 that is written as one of IPv6."""
    address = ip_address(host.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).packed
