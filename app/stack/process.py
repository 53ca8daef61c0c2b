"""One process of the stack: its process group, its log file, and how it is stopped."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from app.disk_space import shortage
from app.stack import die_with_parent

LOG_LIMIT_BYTES = 10 * 1024 * 1024
_TAIL_LINES = 15
_TAIL_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """A process of the stack: its command, and the check that it has started."""

    name: str
    """Shown to users; also the name of the log file."""
    command: tuple[str, ...]
    """Every user of the machine can see it, so it must hold no secret."""
    environment: Mapping[str, str] = field(repr=False)
    """The whole environment of the process, including secrets."""
    ready: Callable[["Process"], bool] = field(default=lambda _: True, repr=False)
    """Returns True when the process answers; called repeatedly, so it must not take over 2 s."""
    start_timeout_s: float = 60.0
    stop_timeout_s: float = 10.0
    """Seconds that it gets to end by itself before it is killed."""


class Process:
    """A started process: the leader of its own session, which dies with this one.

    See `app.stack.die_with_parent`.
    """

    def __init__(self, spec: ProcessSpec, log_dir: Path, *, watch_pipe: bool) -> None:
        self.spec = spec
        self.log_path = log_dir / f"{spec.name}.log"
        self._gone = False
        with _opened_log(self.log_path) as log:
            self._log_start = log.tell()
            self._popen = subprocess.Popen(  # noqa: S603 our own command
                _bound_to_parent(spec.command, watch_pipe=watch_pipe),
                env=dict(spec.environment),
                # The end of the pipe means that the parent ended; nothing is ever written to it.
                stdin=subprocess.PIPE if watch_pipe else subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal then reaches only the parent, which stops all in order.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Process id, and id of the process group."""
        return self._popen.pid

    def exit_code(self) -> int | None:
        """Return the exit code, negative for a signal; None while the process runs.

        Once it has ended, its children are killed.
        """
        code = self._popen.poll()
        if code is not None:
            self._kill_group()
            self._gone = True
        return code

    def wait(self, timeout_s: float) -> int | None:
        """Wait for the end and return the exit code; None after `timeout_s` seconds."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(timeout_s)
        return self.exit_code()

    def request_stop(self) -> None:
        """Send SIGTERM, only to the process itself: it stops its own children."""
        self._popen.terminate()

    def kill(self) -> None:
        """Kill the process and every process that it started."""
        self._kill_group()
        self._popen.wait()
        self._gone = True
        self._close()

    def stop(self) -> None:
        """Ask the process to end, wait, and kill what is left. Safe to repeat."""
        self.request_stop()
        try:
            self.wait(self.spec.stop_timeout_s)
        finally:
            # A second Ctrl-C skips the wait.
            self.kill()

    def log_text(self) -> str:
        """Return what it has logged since it was started, at most the last 16 KiB."""
        with self.log_path.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, end - _TAIL_BYTES))
            return log.read().decode("utf-8", errors="replace")

    def has_logged(self, words: str) -> bool:
        """Return True when a line since the start has these words, however much followed it."""
        wanted = words.encode()
        with self.log_path.open("rb") as log:
            log.seek(self._log_start)
            return any(wanted in line for line in log)

    def failure_message(self, happened: str) -> str:
        """Return a message for the user: what happened, and the end of the log."""
        tail = log_tail(self.log_text(), shortage(self.log_path.parent, 0))
        return f"{self.spec.name} {happened}. The end of {self.log_path}:{tail}"

    def _kill_group(self) -> None:
        if self._gone:  # Another process may have its id by now.
            return
        # PermissionError: macOS, when only the unreaped leader is left.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _close(self) -> None:
        if self._popen.stdin is not None:
            self._popen.stdin.close()


def log_tail(text: str, disk: str | None) -> str:
    """Return the last lines of a log, for a message.

    Args:
        text: The end of the log.
        disk: Why the disk can't be written, which explains a log without a reason; None: it can.
    """
    lines = text.splitlines()[-_TAIL_LINES:] or ["(nothing)"]
    if disk is not None:
        lines.append(f"(the disk of the data folder can't be written: {disk}; free some space)")
    return "".join(f"\n  {line}" for line in lines)


def _bound_to_parent(command: tuple[str, ...], *, watch_pipe: bool) -> list[str]:
    # Isolated and without site-packages (-I -S): it needs the standard library only, starts in a
    # third of the time, and nothing in the user's folder or environment can break it.
    launcher = [sys.executable, "-I", "-S", die_with_parent.__file__, "--parent", str(os.getpid())]
    return [*launcher, *(["--watch-stdin"] if watch_pipe else []), "--", *command]


def _opened_log(path: Path) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    if path.exists() and path.stat().st_size > LOG_LIMIT_BYTES:
        flags |= os.O_TRUNC
    log = os.fdopen(os.open(path, flags, 0o600), "ab")
    log.seek(0, os.SEEK_END)
    return log
