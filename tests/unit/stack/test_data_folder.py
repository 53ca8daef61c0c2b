import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.errors import StackError
from app.stack.data_folder import (
    RunningService,
    locked_folder,
    publish,
    running_service,
    withdraw,
)

ROOT = Path(__file__).parents[3]
HOLDER = """
import sys
from pathlib import Path
from app.stack.data_folder import locked_folder, publish
with locked_folder(Path(sys.argv[1])) as folder:
    if len(sys.argv) > 2:
        publish(folder, sys.argv[2])
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path, *api_url: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), *api_url],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    with locked_folder(tmp_path / "a" / "b") as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        assert folder.is_absolute()


def test_a_second_stack_learns_who_holds_the_folder_and_how_to_reach_it(tmp_path: Path) -> None:
    with holder(tmp_path, "http://127.0.0.1:8123") as first:
        with pytest.raises(StackError) as failure, locked_folder(tmp_path):
            pass
        first.kill()
    assert f"process {first.pid}, which answers at http://127.0.0.1:8123" in str(failure.value)


def test_a_second_stack_learns_that_the_first_is_still_starting(tmp_path: Path) -> None:
    with holder(tmp_path) as first:
        service = running_service(tmp_path)
        with pytest.raises(StackError, match="is still starting"), locked_folder(tmp_path):
            pass
        first.kill()
    assert service is not None
    assert service.api_url is None
    assert service.pid == first.pid


def test_a_killed_holder_leaves_the_folder_free_and_its_word_is_not_believed(
    tmp_path: Path,
) -> None:
    with holder(tmp_path, "http://127.0.0.1:8123") as first:
        first.kill()
    assert (tmp_path / "service.json").exists()
    assert running_service(tmp_path) is None
    with locked_folder(tmp_path):
        assert not (tmp_path / "service.json").exists()


def test_what_is_published_is_found_until_it_is_withdrawn(tmp_path: Path) -> None:
    with locked_folder(tmp_path) as folder:
        publish(folder, "http://127.0.0.1:9", "small")
        found = running_service(tmp_path)
        assert found == RunningService("http://127.0.0.1:9", os.getpid(), "small")
        assert (folder / "service.json").stat().st_mode & 0o077 == 0
        withdraw(folder)
        still_starting = running_service(tmp_path)
        assert still_starting is not None
        assert still_starting.api_url is None
    assert running_service(tmp_path) is None


def test_looking_at_a_folder_that_is_not_there_finds_nobody_and_makes_nothing(
    tmp_path: Path,
) -> None:
    assert running_service(tmp_path / "absent") is None
    assert not (tmp_path / "absent").exists()


def test_somebody_looking_does_not_keep_a_stack_from_starting(tmp_path: Path) -> None:
    with locked_folder(tmp_path):
        pass
    looking = (
        "import fcntl, os, sys, time\n"
        "lock = os.open(sys.argv[1], os.O_RDONLY)\n"
        "fcntl.flock(lock, fcntl.LOCK_SH)\n"
        "print('looking', flush=True)\n"
        "time.sleep(0.3)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", looking, str(tmp_path / "stack.lock")], stdout=subprocess.PIPE
    ) as looker:
        assert looker.stdout is not None
        looker.stdout.readline()
        with locked_folder(tmp_path):
            pass


def test_a_file_in_place_of_the_folder_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StackError, match="SEEDBED_DATA_DIR"), locked_folder(tmp_path / "data"):
        pass
