import subprocess
import sys
from pathlib import Path

import pytest

from app.stack import leash


def on_leash(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-I", "-S", leash.__file__, *arguments]
    return subprocess.run(
        command, check=False, stdin=subprocess.PIPE, capture_output=True, text=True, timeout=20
    )


@pytest.mark.skipif(sys.platform != "linux", reason="Linux' own leash")
def test_a_process_whose_parent_is_already_gone_never_becomes_the_command() -> None:
    done = on_leash("--parent", "1", "--", "echo", "too late")
    assert done.returncode == -9
    assert done.stdout == ""


@pytest.mark.parametrize("status", [0, 3])
def test_the_leash_that_stays_ends_as_its_command_did(status: int) -> None:
    # Its standard input must stay open meanwhile: its end means the end of the parent.
    command = [sys.executable, "-I", "-S", leash.__file__, "--parent", "1", "--watch-stdin", "--"]
    with subprocess.Popen(
        [*command, "sh", "-c", f"exit {status}"], stdin=subprocess.PIPE, start_new_session=True
    ) as held:
        assert held.wait(20) == status


def test_the_leash_needs_nothing_but_the_standard_library() -> None:
    done = on_leash("--help")
    assert done.returncode == 0
    assert not done.stderr


def test_the_leash_can_be_taken_by_a_process_itself() -> None:
    root = Path(__file__).parents[3]
    code = "from app.stack.leash import die_with_parent; die_with_parent(); print('taken')"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True, cwd=root
    )
    assert done.stdout == "taken\n"
