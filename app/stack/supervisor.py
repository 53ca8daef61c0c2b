"""Starting the processes of the stack in order, keeping them running, stopping in reverse."""

import contextlib
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from app.disk_space import shortage
from app.errors import StackError
from app.stack.process import Process, ProcessSpec
from app.stack.wait_until import wait_until

_POLL_S = 0.1
_LOG_BYTES = 1_000_000
"""Space that a process needs to log its start."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RestartPace:
    """The delays between the starts of a process, and the limit of failed ones."""

    first_delay_s: float = 0.5
    """Doubled after each death, up to the longest."""
    longest_delay_s: float = 30.0
    steady_s: float = 60.0
    """A process that ran for this long begins with the first delay again."""
    most_failed_starts: int = 8
    """In a row. Then the process counts as one that never comes up, which ends the stack."""

    def delay_s(self, deaths: int) -> float:
        """Return the seconds to wait after this many deaths, at least one."""
        return float(min(self.longest_delay_s, self.first_delay_s * 2.0 ** min(deaths - 1, 30)))


_PACE = RestartPace()


class _Kept:
    """A process of the stack, and what is known of its deaths."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.is_up = True
        """It has answered since it was last started."""
        self.deaths = 0
        """Since it last ran steadily."""
        self.failed_starts = 0
        """In a row."""
        self.since = time.monotonic()
        """Of its last start."""
        self.start_at: float | None = None
        """When to start it again; None: it runs."""

    @property
    def spec(self) -> ProcessSpec:
        return self.process.spec


class Supervisor:
    """The processes that run now.

    A context manager: leaving it stops them all, last started first. Start them from a thread that
    outlives them, best the main thread (see `app.stack.die_with_parent`).

    Args:
        log_dir: the folder of the log files.
        watch_pipe: bind the processes to this one by a pipe, where the kernel can't.
        say: prints a line for the user; called from another thread, too.
        pace: the delays after `keep_running`.
        disk_shortage: says why the disk of the log files is full; None: it has space. Without space
            a process may fail to start, or to log that it has started, so that counts for nothing.
    """

    def __init__(
        self,
        log_dir: Path,
        *,
        watch_pipe: bool = sys.platform != "linux",
        say: Callable[[str], None] = _log.info,
        pace: RestartPace = _PACE,
        disk_shortage: Callable[[Path], str | None] = lambda logs: shortage(logs, _LOG_BYTES),
    ) -> None:
        self._log_dir = log_dir
        self._watch_pipe = watch_pipe
        self._say = say
        self._pace = pace
        self._disk_shortage = disk_shortage
        self._kept: list[_Kept] = []
        self._failure: StackError | None = None
        self._thread: threading.Thread | None = None
        self._changing = threading.Lock()
        """Held to start a process, and to begin to stop them all."""
        self._stopping = threading.Event()
        self._stopped = threading.Event()

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
        kept = _Kept(process)
        self._kept.append(kept)
        try:
            self._wait_until_ready(process)
        except BaseException:
            process.kill()
            self._kept.remove(kept)
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

    def keep_running(self) -> None:
        """From now on start every process again that ends, in a thread, after a growing delay.

        The thread lives until `stop`, and so do the processes that it starts. They keep their
        ports and sockets: other processes know them by these.
        """
        self._thread = threading.Thread(target=self._tend_all, name="supervisor", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Check that all processes run, or will be started again.

        Raises:
            StackError: One has ended and is not started again; names it, its exit code and the end
                of its log.
        """
        if self._failure is not None:
            raise self._failure
        if self._thread is not None:
            return
        for kept in self._kept:
            code = kept.process.exit_code()
            if code is not None:
                raise StackError(kept.process.failure_message(_ended(code)))

    def stop(self) -> None:
        """Stop all processes, last started first. Safe to repeat."""
        self._stopping.set()
        try:
            with self._changing:  # Nothing is started from here on.
                pass
            while self._kept:
                self._kept[-1].process.stop()
                self._kept.pop()
        finally:
            # Some are left only when a second Ctrl-C interrupts the loop above.
            while self._kept:
                self._kept.pop().process.kill()
            self._stopped.set()
            if self._thread is not None:
                self._thread.join()

    def _tend_all(self) -> None:
        try:
            while self._failure is None and not self._stopping.wait(_POLL_S):
                for kept in list(self._kept):
                    self._tend(kept)
        except StackError as failure:
            self._failure = failure
        except Exception as error:  # noqa: BLE001 - the edge of this thread, logged with its traceback
            _log.exception("the processes of the stack are no longer watched")
            self._failure = StackError(f"The processes can't be watched any more: {error!r}.")
        # The kernel kills the processes that this thread has started when it ends.
        self._stopped.wait()

    def _tend(self, kept: _Kept) -> None:
        """Start a process again that has ended, when its time has come.

        Raises:
            StackError: it never came up again.
        """
        now = time.monotonic()
        if kept.start_at is not None:
            if now >= kept.start_at:
                self._start_again(kept)
            return
        ran_for_s = now - kept.since
        code = kept.process.exit_code()
        if code is not None:
            self._record_end(kept, _ended(code))
        elif not kept.is_up and kept.spec.ready(kept.process):
            kept.is_up = True
            kept.failed_starts = 0
            self._report(kept, "runs again.")
        elif not kept.is_up and ran_for_s > kept.spec.start_timeout_s and not self._disk_is_full():
            kept.process.kill()
            self._record_end(kept, f"did not answer within {kept.spec.start_timeout_s:g} s")
        elif kept.is_up and ran_for_s > self._pace.steady_s:
            kept.deaths = 0

    def _start_again(self, kept: _Kept) -> None:
        kept.start_at = None
        kept.since = time.monotonic()
        kept.is_up = False
        with self._changing:
            if self._stopping.is_set():
                return
            try:
                kept.process = Process(kept.spec, self._log_dir, watch_pipe=self._watch_pipe)
            except OSError as error:
                # The machine has no room, no memory or no process left: not the process's fault.
                self._start_later(kept, f"can't be started ({error.strerror})")

    def _record_end(self, kept: _Kept, how: str) -> None:
        """Record that a process has ended, and when it is started again.

        Raises:
            StackError: it never came up again.
        """
        if not kept.is_up and not self._disk_is_full():
            kept.failed_starts += 1
        if kept.failed_starts >= self._pace.most_failed_starts:
            tries = f"{how}; it was started {kept.failed_starts} times and never answered"
            raise StackError(kept.process.failure_message(tries))
        self._start_later(kept, how)

    def _disk_is_full(self) -> bool:
        return self._disk_shortage(self._log_dir) is not None

    def _start_later(self, kept: _Kept, how: str) -> None:
        kept.deaths += 1
        delay_s = self._pace.delay_s(kept.deaths)
        kept.start_at = time.monotonic() + delay_s
        self._report(kept, f"{how}. It is started again in {delay_s:g} s.")

    def _report(self, kept: _Kept, happened: str) -> None:
        """Say what happened, on the terminal and in the log of the process."""
        at = time.strftime("%Y-%m-%d %H:%M:%S")
        with contextlib.suppress(OSError):
            self._say(f"{kept.spec.name} {happened}")
        with contextlib.suppress(OSError), kept.process.log_path.open("a", encoding="utf-8") as log:
            log.write(f"{at} supervisor: {kept.spec.name} {happened}\n")


def _ended(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
