"""Files and folders that appear whole or not at all."""

import errno
import hashlib
from pathlib import Path

import pytest

from app.atomic_files import out_of_space_told, whole_folder, written
from app.errors import Conflict, OutOfSpace


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    path, text = tmp_path / "rows", b"x" * 700_000
    with written(path) as file:
        assert file.writable()
        file.write(text)
        assert not path.exists()
    assert path.read_bytes() == text
    assert (file.size, file.sha256) == (len(text), hashlib.sha256(text).hexdigest())
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_earlier_file(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_text("before")

    def interrupted() -> None:
        with written(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_an_expected_failure(number: int, tmp_path: Path) -> None:
    with (
        pytest.raises(OutOfSpace, match=r"No space is left to write rows"),
        out_of_space_told(tmp_path / "rows"),
    ):
        raise OSError(number, "")
    with pytest.raises(PermissionError), out_of_space_told(tmp_path / "rows"):
        raise OSError(errno.EACCES, "")


def test_a_folder_appears_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "model"
    with whole_folder(target) as folder:
        (folder / "a").write_text("a")
        assert not target.exists()
    assert (target / "a").read_text() == "a"
    with pytest.raises(Conflict, match="model"), whole_folder(target):
        pass
    assert list(tmp_path.iterdir()) == [target]


def raced(target: Path, *, keep_existing: bool) -> None:
    """Make a folder while another process makes one of the same name."""
    with whole_folder(target, keep_existing=keep_existing) as folder:
        (folder / "ours").touch()
        target.mkdir()
        (target / "theirs").touch()


def test_a_folder_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "model"
    raced(target, keep_existing=True)
    assert list(target.iterdir()) == [target / "theirs"]
    assert list(tmp_path.iterdir()) == [target]
    with whole_folder(target, keep_existing=True) as folder:
        (folder / "ours").touch()
    assert list(target.iterdir()) == [target / "theirs"]


def test_a_folder_that_appears_meanwhile_is_a_conflict(tmp_path: Path) -> None:
    target = tmp_path / "model"
    with pytest.raises(Conflict, match="model"):
        raced(target, keep_existing=False)
    assert list(target.iterdir()) == [target / "theirs"]
    assert list(tmp_path.iterdir()) == [target]
