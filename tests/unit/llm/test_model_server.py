"""The embedded model server as a process: it ends with the one that started it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

_PR_GET_PDEATHSIG = 2


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is a call of Linux")
def test_the_kernel_is_asked_to_kill_it_with_its_parent() -> None:
    program = (
        "import ctypes\n"
        "from app.llm.model_server import die_with_parent\n"
        "die_with_parent()\n"
        "asked = ctypes.c_int()\n"
        f"ctypes.CDLL(None).prctl({_PR_GET_PDEATHSIG}, ctypes.byref(asked))\n"
        "print(asked.value)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).resolve().parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == (str(int(signal.SIGKILL)), "")
