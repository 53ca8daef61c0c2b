"""TCP ports: finding a free one, and checking which process listens on one."""

import contextlib
import errno
import socket
import sys
from pathlib import Path

_LISTENING = "0A"
"""The state of a listening socket in /proc/net/tcp."""


def free_port(host: str) -> int:
    """Return a port on `host` that is free now; another process may take it before you do."""
    with socket.socket(_family(host), socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def is_free(host: str, port: int) -> bool:
    """Return True when `port` is free now.

    Raises:
        OSError: The port cannot be used for another reason, such as missing privileges.
    """
    with socket.socket(_family(host), socket.SOCK_STREAM) as probe:
        # As servers do: a port whose last connections are merely closing counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def reachable_host(host: str) -> str:
    """Return the host for a URL that reaches a server bound to `host` from this machine."""
    if host in {"", "0.0.0.0"}:  # noqa: S104 compared with, not bound to
        return "127.0.0.1"
    if host == "::":
        return "[::1]"
    return f"[{host}]" if ":" in host else host


def listens(pid: int, port: int) -> bool:
    """Return True when process `pid` itself listens on `port`.

    Another process may have taken the port first, and would answer in its place. Only Linux can
    tell; elsewhere this is always True.
    """
    if sys.platform != "linux":
        return True
    inodes = _listening_inodes(port)
    with contextlib.suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                if str(descriptor.readlink()) in inodes:
                    return True
    return False


def _listening_inodes(port: int) -> set[str]:
    found: set[str] = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                columns = line.split()
                if columns[3] == _LISTENING and int(columns[1].rsplit(":", 1)[1], 16) == port:
                    found.add(f"socket:[{columns[9]}]")
    return found


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
