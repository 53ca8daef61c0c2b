"""Work in processes of their own, so that no input takes the memory or the time of the service.

A process is forked from a small server that has loaded the code (`forkserver`), which takes some
ten milliseconds. It has a limit of memory and of time. The code refuses hostile input by numbers
before that; the limits are the net below them, also for faults of the libraries.
"""

import contextlib
import multiprocessing
import os
import pickle
import resource
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Generic, TypeVar

from sqlalchemy.exc import StatementError

from app.errors import SeedbedError, TooLarge
from app.services.context import ImportProcessLimits
from app.stack.die_with_parent import die_with_parent

TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")

_LOOK_EVERY_S = 0.2
_NICE = 10
"""Far behind the API, which answers many others meanwhile."""
_STOPPED = "The service stopped while it read what was sent; send it again."
_processes = multiprocessing.get_context("forkserver")
_starting = threading.Lock()


class _OutOfMemory:
    """The process reached its limit of memory."""


class _Done(Generic[ResultT]):
    def __init__(self, result: ResultT) -> None:
        self.result = result


def preload(modules: Sequence[str]) -> None:
    """Have these modules loaded once, and not by each process within its limits.

    The first process starts the server that loads them, so call it before.
    """
    _processes.set_forkserver_preload([__name__, *modules])


def run_apart(
    work: Callable[[TaskT], ResultT],
    task: TaskT,
    limits: ImportProcessLimits,
    stopped: Callable[[], bool],
) -> ResultT | Exception:
    """Run a function in a process of its own.

    Args:
        work: the function; the process imports it by its name.
        task: its argument, which is pickled, as is the result.
        limits: memory and time of the process.
        stopped: returns True when nobody waits for the result any more.

    Returns:
        The result, or the exception that the function raised.

    Raises:
        TooLarge: The process reached a limit, or died.
        SeedbedError: Nobody waits for it any more.
    """
    process, answers = _started(work, task, limits.memory_bytes)
    try:
        give_up_at = time.monotonic() + limits.timeout_s
        while not answers.poll(_LOOK_EVERY_S):
            if stopped():
                raise SeedbedError(_STOPPED)
            if time.monotonic() > give_up_at:
                raise TooLarge(
                    f"Reading what was sent took more than {limits.timeout_s:g} seconds"
                    " (SEEDBED_IMPORT_TIMEOUT_S)."
                )
        outcome: _Done[ResultT] | _OutOfMemory | Exception = answers.recv()
    except EOFError:
        process.join()
        raise _died(process.exitcode, limits) from None
    finally:
        answers.close()
        process.kill()
        process.join()
    if isinstance(outcome, _OutOfMemory):
        raise TooLarge(f"Reading what was sent takes more than {_memory(limits)} of memory.")
    return outcome.result if isinstance(outcome, _Done) else outcome


def _started(
    work: Callable[[TaskT], ResultT], task: TaskT, memory_bytes: int
) -> tuple[BaseProcess, Connection]:
    answers, sender = _processes.Pipe(duplex=False)
    process = _processes.Process(target=_run, args=(work, task, memory_bytes, sender), daemon=True)
    # The first one starts the server too.
    with _starting:
        process.start()
    sender.close()
    return process, answers


def _died(exit_code: int | None, limits: ImportProcessLimits) -> TooLarge:
    return TooLarge(
        f"The process that read what was sent died (exit status {exit_code}), as one does that"
        f" needs more memory than there is; it may take {_memory(limits)}."
    )


def _memory(limits: ImportProcessLimits) -> str:
    return f"{limits.memory_bytes // (1024 * 1024):,} MiB (SEEDBED_IMPORT_MEMORY_MIB)"


def _run(
    work: Callable[[TaskT], ResultT], task: TaskT, memory_bytes: int, sender: Connection
) -> None:
    """Run the function in this process, which does nothing else, and send the outcome."""
    die_with_parent()
    os.nice(_NICE)
    _limit_memory(memory_bytes)
    outcome: _Done[ResultT] | _OutOfMemory | Exception
    try:
        outcome = _Done(work(task))
    except MemoryError:
        outcome = _OutOfMemory()
    except Exception as error:  # noqa: BLE001 - raised again in the process of the caller
        outcome = _sendable(error)
    sender.send(outcome)


def _limit_memory(memory_bytes: int) -> None:
    """Limit what this process can allocate, where the system can do so."""
    if sys.platform != "linux":
        return
    # Not RLIMIT_AS: it also counts what is only reserved, such as by allocators and threads.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))


def _sendable(error: Exception) -> Exception:
    """Return the error with its traceback as a note, or its text when it can't be pickled."""
    if isinstance(error, StatementError):
        # Thousands of rows, which nobody reads.
        error.params = None
    text = "".join(traceback.format_exception(error))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes, of the line itself
    except Exception:  # noqa: BLE001 - any error may refuse to be pickled
        error = RuntimeError(str(error))
    if not isinstance(error, SeedbedError):
        error.add_note(f"In a process of its own:\n{text}")
    return error
