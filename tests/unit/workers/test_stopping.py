"""What ends a task that does not look, in a process of its own: signals go to a whole one."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CHILD = """
import threading, time
from workers.stopping import Interrupted, Stopping

stopping = Stopping()
stopping.watch()
began = time.monotonic()
try:
    with stopping.task(60):
        threading.Timer(0.2, stopping.interrupt).start()
        time.sleep(30)
except Interrupted:
    print("interrupted", stopping.stop_requested(), time.monotonic() - began < 5)
stopping.interrupt()
with stopping.task(60):
    print("the next one works")
"""


def test_a_task_is_interrupted_from_another_thread_and_nothing_else_is() -> None:
    said = subprocess.run(
        [sys.executable, "-c", CHILD],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert said.stdout.splitlines() == ["interrupted False True", "the next one works"], said.stderr
