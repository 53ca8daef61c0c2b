"""A proxy under another user id that passes on bytes: `python -m tests.servers.other_user PORT`.

To the service behind it, it is a reverse proxy that adds no header, or another user's `curl`.
"""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER = 65_534
_ROOT = Path(__file__).parents[2]


@contextmanager
def proxy_of_another_user(port: int) -> Iterator[int]:
    """Run the proxy to a port of loopback; yield its own port. Needs root."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.servers.other_user", str(port)],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def _serve(port: int) -> None:
    # Loads what the other user may have no right to read.
    "localhost".encode("idna")
    with socket.create_server(("127.0.0.1", 0)) as server:
        os.setgroups([])
        os.setgid(USER)
        os.setuid(USER)
        print(server.getsockname()[1], flush=True)
        while True:
            caller, _ = server.accept()
            service = socket.create_connection(("127.0.0.1", port))
            for source, target in ((caller, service), (service, caller)):
                threading.Thread(target=_pass_on, args=(source, target), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    while piece := source.recv(1 << 16):
        target.sendall(piece)
    target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
