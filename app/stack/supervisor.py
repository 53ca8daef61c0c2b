"""Starting the processes of the stack in order, noticing when one dies, stopping in reverse."""

import signal
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from app.errors import StackError
from app.stack.process import Process, ProcessSpec
from app.stack.wait_until import wait_until

_POLL_S = 0.1


class Supervisor:
    """The processes that run now.

    A context manager: leaving it stops them all, last started first. Start them from a thread that
    outlives them, best the main thread (see `app.stack.die_with_parent`).
    """

    def __init__(self, log_dir: Path, *, watch_pipe: bool = sys.platform != "linux") -> None:
        self._log_dir = log_dir
        self._watch_pipe = watch_pipe
        self._running: list[Process] = []

    def __enter__(self) -> Self:
        self._log_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self, spec: ProcessSpec) -> Process:
        """Start a process and wait until it answers.

        Raises:
            StackError: It, or a process started before, ended, or it did not answer in time. A
                process that failed to start is not left running.
        """
        process = Process(spec, self._log_dir, watch_pipe=self._watch_pipe)
        self._running.append(process)
        try:
            self._wait_until_ready(process)
        except BaseException:
            process.kill()
            self._running.remove(process)
            raise
        return process

    def _wait_until_ready(self, process: Process) -> None:
        def answers() -> bool:
            ready = process.spec.ready(process)
            self.check()
            return ready

        timeout_s = process.spec.start_timeout_s
        if not wait_until(answers, timeout_s=timeout_s, poll_s=_POLL_S):
            raise StackError(process.failure_message(f"did not answer within {timeout_s:g} s"))

    def finish(self, spec: ProcessSpec) -> None:
        """Run a process to its end, which must come within its start timeout.

        Raises:
            StackError: It failed, or took too long.
        """
        process = Process(spec, self._log_dir, watch_pipe=self._watch_pipe)
        try:
            code = process.wait(spec.start_timeout_s)
        finally:
            process.kill()
        if code is None:
            late = f"did not end within {spec.start_timeout_s:g} s"
            raise StackError(process.failure_message(late))
        if code != 0:
            raise StackError(process.failure_message(_ended(code)))

    def check(self) -> None:
        """Check that all processes still run.

        Raises:
            StackError: One has ended; names it, its exit code and the end of its log.
        """
        for process in self._running:
            code = process.exit_code()
            if code is not None:
                raise StackError(process.failure_message(_ended(code)))

    def stop(self) -> None:
        """Stop all processes, last started first. Safe to repeat."""
        try:
            while self._running:
                self._running[-1].stop()
                self._running.pop()
        finally:
            # Some are left only when a second Ctrl-C interrupts the loop above.
            while self._running:
                self._running.pop().kill()


def _ended(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
