"""A process that is kept running: killed, it comes back; frozen, it is waited for."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from app.stack.process import Process, ProcessSpec


class Kept:
    """A process that is started again a moment after it died."""

    def __init__(self, part: ProcessSpec, log_dir: Path, away_s: Callable[[], float]) -> None:
        self.part = part
        self._log_dir = log_dir
        self._away_s = away_s
        self._ready = False
        self._back_at = 0.0
        self.frozen = False
        self.sessions: list[int] = []
        """Of every process there was: each had one of its own, which its children share."""
        self._process: Process | None = self._start()

    def _start(self) -> Process:
        self._ready = self.frozen = False
        process = Process(self.part, self._log_dir, watch_pipe=False)
        self.sessions.append(process.pid)
        return process

    @property
    def pid(self) -> int:
        """Process id, and id of the process group; only while it is `ready`."""
        assert self._process is not None
        return self._process.pid

    @property
    def ready(self) -> bool:
        """Whether it runs, has begun its work, and is not frozen."""
        if self._process is None or self.frozen or self._process.exit_code() is not None:
            return False
        self._ready = self._ready or self.part.ready(self._process)
        return self._ready

    def children(self) -> list[psutil.Process]:
        """Its child processes."""
        try:
            return psutil.Process(self.pid).children()
        except psutil.NoSuchProcess:
            return []

    def kill(self) -> None:
        """SIGKILL to it and all its children, as when their machine is lost."""
        assert self._process is not None
        os.killpg(self.pid, signal.SIGKILL)
        self._process.wait(5.0)

    def freeze(self) -> None:
        """SIGSTOP to it and all its children, as when their machine sleeps."""
        self.frozen = True
        os.killpg(self.pid, signal.SIGSTOP)

    def freeze_child(self, child: psutil.Process) -> None:
        """SIGSTOP to one of its children; it counts as frozen too, so that nothing else hits it."""
        self.frozen = True
        child.suspend()

    def thaw(self) -> None:
        """SIGCONT to it and all its children."""
        if self.frozen and self._process is not None and self._process.exit_code() is None:
            os.killpg(self.pid, signal.SIGCONT)
        self.frozen = False

    def tend(self) -> None:
        """Notice its death; start it again once it has been away for long enough."""
        now = time.monotonic()
        if self._process is not None and self._process.exit_code() is not None:
            self._process.kill()
            self._process = None
            self._back_at = now + self._away_s()
        elif self._process is None and now >= self._back_at:
            self._process = self._start()

    def end(self) -> None:
        """Kill it for good."""
        if self._process is not None:
            self._process.kill()
            self._process = None
