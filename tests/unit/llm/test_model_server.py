"""The embedded model server as a process: how it is set up, what it logs, and how it ends."""

import importlib.util
import json
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
    done = run(program)
    assert (done.stdout.strip(), done.stderr) == (str(int(signal.SIGKILL)), "")


def run(program: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).resolve().parents[3],
        capture_output=True,
        text=True,
        check=False,
    )


needs_the_library = pytest.mark.skipif(
    importlib.util.find_spec("xllamacpp") is None, reason="needs the extra 'embedded'"
)
OPTIONS = """
import json
from pathlib import Path
from app.llm.model_server import ServerOptions, set_parameters, start_server
from app.errors import StackError
options = ServerOptions(port=0, slots=3, threads=5)
"""


@needs_the_library
def test_it_logs_only_warnings_and_errors(tmp_path: Path) -> None:
    program = f"""{OPTIONS}
try:
    start_server(Path({str(tmp_path / "none.gguf")!r}), options)
except StackError as error:
    print(error)
"""
    done = run(program)
    assert done.stdout.startswith("The embedded model did not start")
    levels = {line.split()[1] for line in done.stderr.splitlines()}
    assert "E" in levels
    assert levels <= {"W", "E"}


@needs_the_library
def test_its_slots_share_the_context_and_only_prompts_use_all_threads() -> None:
    program = f"""{OPTIONS}
import xllamacpp
held = xllamacpp.CommonParams()
set_parameters(held, Path("model.gguf"), options)
print(json.dumps({{
    "slots": held.n_parallel,
    "context": held.n_ctx,
    "threads": [held.cpuparams.n_threads, held.cpuparams_batch.n_threads],
    "sampling": [held.sampling.temp, held.sampling.top_p],
    "pages": [held.ui, held.endpoint_slots, held.cors_origins],
    "at": [held.hostnames, held.port],
}}))
"""
    done = run(program)
    assert json.loads(done.stdout) == {
        "slots": 3,
        "context": 3 * 4096,
        "threads": [1, 5],
        # As the API does where a request names none.
        "sampling": [1.0, 1.0],
        "pages": [False, False, "http://127.0.0.1"],
        "at": [["127.0.0.1"], 0],
    }, done.stderr
