"""A process that cannot outlive its parent, even when the parent is killed.

Run as ``python app/stack/die_with_parent.py --parent PID -- command...``. On Linux it asks the
kernel to be killed with its parent and then becomes the command (same process id). Elsewhere
(``--watch-stdin``) it stays, runs the command as its child, and kills its whole process group when
its standard input, a pipe held open by the parent, ends.

It runs without site-packages, so it imports the standard library only.
"""

import argparse
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from types import FrameType

_PR_SET_PDEATHSIG = 1
_NOT_FOUND = 127
"""The exit status shells give for a command that cannot be run."""


def die_with_parent(expected_parent: int | None = None) -> None:
    """Have this process killed (SIGKILL) when its parent ends, in whatever way.

    Call it first in the child. Safe to repeat. On Linux the parent is the *thread* that forked, so
    fork from a thread that lives at least as long as the children. The setting survives an exec and
    is not inherited by children. Elsewhere a daemon thread checks every half second.

    Args:
        expected_parent: Process id of the parent. If the parent ended before this call, this
            process has another one now, and ends at once.

    Raises:
        OSError: The kernel refused.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        arguments = [ctypes.c_ulong(signal.SIGKILL), *[ctypes.c_ulong(0)] * 3]
        if libc.prctl(_PR_SET_PDEATHSIG, *arguments) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) was refused")
    else:
        _watch_parent(os.getppid() if expected_parent is None else expected_parent)
    if expected_parent is not None and os.getppid() != expected_parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _watch_parent(parent: int) -> None:
    def check() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=check, name="die with parent", daemon=True).start()


def run_until_stdin_ends(command: Sequence[str]) -> int:
    """Run `command` until it ends or standard input does, and return its exit status.

    This process must be the leader of its process group, which it kills. It forwards SIGTERM.
    """
    child: subprocess.Popen[bytes] | None = None
    stop_requested = False

    def forward(_number: int, _frame: FrameType | None) -> None:
        nonlocal stop_requested
        stop_requested = True
        if child is not None:
            child.terminate()

    signal.signal(signal.SIGTERM, forward)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 our own command
    if stop_requested:
        child.terminate()

    def kill_group_at_end_of_input() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 1024):
                pass
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=kill_group_at_end_of_input, daemon=True).start()
    status = child.wait()
    return status if status >= 0 else 128 - status


def main(arguments: Sequence[str] | None = None) -> None:
    """Bind this process to its parent and become (or run) the command."""
    parser = argparse.ArgumentParser(prog="die_with_parent", description=__doc__)
    parser.add_argument("--parent", type=int, required=True, help="process id of the parent")
    parser.add_argument("--watch-stdin", action="store_true", help="end when standard input ends")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)
    command: list[str] = options.command
    try:
        if options.watch_stdin:
            sys.exit(run_until_stdin_ends(command))
        die_with_parent(options.parent)
        os.execvp(command[0], command)  # noqa: S606 our own command, no shell needed
    except OSError as error:
        sys.stderr.write(f"cannot run {command[0]}: {error}\n")
        sys.exit(_NOT_FOUND)


if __name__ == "__main__":
    main()
