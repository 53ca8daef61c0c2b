"""One running part: its process group, its log, its end."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from app.stack import leash as leash_module

LOG_LIMIT_BYTES = 10 * 1024 * 1024
_TAIL_LINES = 15
_TAIL_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """What the stack needs to know of one of its processes."""

    name: str
    """As people call it; also the name of its log file."""
    command: tuple[str, ...]
    """Seen by every user of the machine: no secret may be in it."""
    environment: Mapping[str, str] = field(repr=False)
    """The whole environment of the process, secrets included."""
    ready: Callable[["Process"], bool] = field(default=lambda _: True, repr=False)
    """Whether it answers yet; asked again and again, must return within a second or two."""
    start_timeout_s: float = 60.0
    stop_timeout_s: float = 10.0
    """How long it may take to end by itself before it is killed."""


class Process:
    """A part that was started: leader of its own session, on a leash (see `app.stack.leash`)."""

    def __init__(self, part: Part, log_dir: Path, *, watch_pipe: bool) -> None:
        self.part = part
        self.log_path = log_dir / f"{part.name}.log"
        self._gone = False
        with _opened_log(self.log_path) as log:
            self._log_start = log.tell()
            self._popen = subprocess.Popen(  # noqa: S603 the stack's own parts
                _leashed(part.command, watch_pipe=watch_pipe),
                env=dict(part.environment),
                # The leash reads the pipe's end as its parent's; nothing is ever written to it.
                stdin=subprocess.PIPE if watch_pipe else subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal then reaches only the parent, who stops parts in order.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Process id, and id of the process group."""
        return self._popen.pid

    def exit_code(self) -> int | None:
        """None while it runs; negative for the signal that ended it. Leaves nothing behind."""
        code = self._popen.poll()
        if code is not None:
            self._kill_group()
            self._gone = True
        return code

    def wait(self, timeout_s: float) -> int | None:
        """Its exit code once it has ended, or None after `timeout_s`."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(timeout_s)
        return self.exit_code()

    def request_stop(self) -> None:
        """Ask it to end by itself (SIGTERM to the part alone: it knows about its children)."""
        self._popen.terminate()

    def kill(self) -> None:
        """End it now, with every process it started."""
        self._kill_group()
        self._popen.wait()
        self._gone = True
        self._close()

    def stop(self) -> None:
        """Ask it to end, wait, and kill what is left. Safe to repeat."""
        self.request_stop()
        try:
            self.wait(self.part.stop_timeout_s)
        finally:
            # Also on a second Ctrl-C: whoever is in that hurry gets the hard way.
            self.kill()

    def log_text(self) -> str:
        """What it has written since it was started; of much, the last part."""
        with self.log_path.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, end - _TAIL_BYTES))
            return log.read().decode("utf-8", errors="replace")

    def obituary(self, happened: str) -> str:
        """A message for the user: what happened, and the end of the log."""
        lines = self.log_text().splitlines()[-_TAIL_LINES:]
        told = "".join(f"\n  {line}" for line in lines) or "\n  (nothing)"
        return f"{self.part.name} {happened}. The end of {self.log_path}:{told}"

    def _kill_group(self) -> None:
        if self._gone:  # Its process id may belong to somebody else by now.
            return
        # PermissionError: macOS, when only the unreaped leader is left.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _close(self) -> None:
        if self._popen.stdin is not None:
            self._popen.stdin.close()


def _leashed(command: tuple[str, ...], *, watch_pipe: bool) -> list[str]:
    # Isolated and without site-packages (-I -S): it needs the standard library only, starts in a
    # third of the time, and nothing in the user's folder or environment can break it.
    leash = [sys.executable, "-I", "-S", leash_module.__file__, "--parent", str(os.getpid())]
    return [*leash, *(["--watch-stdin"] if watch_pipe else []), "--", *command]


def _opened_log(path: Path) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    if path.exists() and path.stat().st_size > LOG_LIMIT_BYTES:
        flags |= os.O_TRUNC
    log = os.fdopen(os.open(path, flags, 0o600), "ab")
    log.seek(0, os.SEEK_END)
    return log
