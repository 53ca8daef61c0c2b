import subprocess
import sys
from pathlib import Path

import pytest

from app.stack import die_with_parent


def run_bound(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-I", "-S", die_with_parent.__file__, *arguments]
    return subprocess.run(
        command, check=False, stdin=subprocess.PIPE, capture_output=True, text=True, timeout=20
    )


@pytest.mark.skipif(sys.platform != "linux", reason="Linux only")
def test_a_process_whose_parent_is_already_gone_never_becomes_the_command() -> None:
    done = run_bound("--parent", "1", "--", "echo", "too late")
    assert done.returncode == -9
    assert done.stdout == ""


@pytest.mark.parametrize("status", [0, 3])
def test_with_a_watched_pipe_it_ends_with_the_status_of_its_command(status: int) -> None:
    # Its standard input must stay open meanwhile: its end means the end of the parent.
    command = [
        sys.executable,
        "-I",
        "-S",
        die_with_parent.__file__,
        "--parent",
        "1",
        "--watch-stdin",
        "--",
    ]
    with subprocess.Popen(
        [*command, "sh", "-c", f"exit {status}"], stdin=subprocess.PIPE, start_new_session=True
    ) as held:
        assert held.wait(20) == status


def test_it_needs_only_the_standard_library() -> None:
    done = run_bound("--help")
    assert done.returncode == 0
    assert not done.stderr


def test_a_process_can_bind_itself_to_its_parent() -> None:
    root = Path(__file__).parents[3]
    code = "from app.stack.die_with_parent import die_with_parent as bind; bind(); print('bound')"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True, cwd=root
    )
    assert done.stdout == "bound\n"
