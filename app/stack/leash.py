"""A process that cannot outlive the one that started it, even when that one is killed.

Run as ``python app/stack/leash.py --parent PID -- command...``. On Linux it asks the kernel to be
killed with its parent and then becomes the command (same process id). Elsewhere
(``--watch-stdin``) it stays, runs the command as its child, and kills its whole process group when
its standard input, a pipe held open by the parent, ends.

It runs without site-packages: standard library only.
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
    """Have this process killed (SIGKILL) when its parent ends, however that ends.

    Call it in the child, first thing. Safe to repeat. On Linux the bond is to the *thread* that
    forked: fork from a thread that lives as long as the children may. It survives an exec and is
    not inherited by children. Where the kernel offers nothing, a daemon thread looks every half
    second. `expected_parent` closes the race in which the parent ended before this call: if the
    parent is another process by then, this one ends at once.

    Raises:
        OSError: the kernel refused.
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
    def look() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=look, name="leash", daemon=True).start()


def hold(command: Sequence[str]) -> int:
    """Run `command` until it ends or standard input does; returns the exit status to end with.

    Must be the leader of its process group, which dies with it. SIGTERM is handed on.
    """
    child: subprocess.Popen[bytes] | None = None
    told_to_stop = False

    def hand_on(_number: int, _frame: FrameType | None) -> None:
        nonlocal told_to_stop
        told_to_stop = True
        if child is not None:
            child.terminate()

    signal.signal(signal.SIGTERM, hand_on)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 the stack's own parts
    if told_to_stop:
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
    """Put this process on the leash and become (or run) the command."""
    parser = argparse.ArgumentParser(prog="leash", description=__doc__)
    parser.add_argument("--parent", type=int, required=True, help="process id of the parent")
    parser.add_argument("--watch-stdin", action="store_true", help="stay, and watch a pipe")
    parser.add_argument("command", nargs="+")
    wanted = parser.parse_args(arguments)
    command: list[str] = wanted.command
    try:
        if wanted.watch_stdin:
            sys.exit(hold(command))
        die_with_parent(wanted.parent)
        os.execvp(command[0], command)  # noqa: S606 the stack's own parts, no shell wanted
    except OSError as error:
        sys.stderr.write(f"cannot run {command[0]}: {error}\n")
        sys.exit(_NOT_FOUND)


if __name__ == "__main__":
    main()
