"""The lock on a job's folder: one process at a time."""

import sys
from pathlib import Path

import pytest

from app.errors import ConfigurationError
from app.services.training.jobs.folder import alone_in


class Lines:
    """A monitor that keeps the log and stops after some looks."""

    def __init__(self, looks: int) -> None:
        self.lines: list[str] = []
        self._looks = looks

    def step(self, *_: object) -> None:
        raise AssertionError("a lock takes no step")

    def log(self, line: str) -> None:
        self.lines.append(line)

    def stop(self) -> bool:
        self._looks -= 1
        return self._looks < 0


def test_a_free_folder_is_created_and_locked(tmp_path: Path) -> None:
    folder = tmp_path / "training" / "training_1"
    for _ in range(2):
        with alone_in(folder, Lines(0)) as is_alone:
            assert is_alone
            assert folder.is_dir()


def test_a_second_process_waits_says_so_once_and_can_be_stopped(tmp_path: Path) -> None:
    second = Lines(looks=2)
    with alone_in(tmp_path, Lines(0)), alone_in(tmp_path, second) as is_alone:
        assert not is_alone
    assert second.lines == ["Waiting for the process that had the job before to leave its folder."]


def test_a_file_in_place_of_the_folder_is_a_defect(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"), alone_in(tmp_path / "file" / "job", Lines(0)):
        raise AssertionError("it was entered")


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder that root cannot write to")
def test_a_read_only_folder_names_the_setting() -> None:
    with (
        pytest.raises(ConfigurationError, match="set SEEDBED_DATA_DIR"),
        alone_in(Path("/sys/seedbed"), Lines(0)),
    ):
        raise AssertionError("it was entered")
