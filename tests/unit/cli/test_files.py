"""Files that a command reads or writes on this machine."""

import os
from pathlib import Path

import pytest

from app.cli.files import checked_target, read_file, read_text, save
from app.errors import InvalidInput


def test_a_file_is_read_as_bytes_or_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("ü".encode())
    assert read_file(tmp_path / "a.txt") == b"\xc3\xbc"
    assert read_text(tmp_path / "a.txt") == "ü"


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"none\.txt cannot be read: No such file"):
        read_file(tmp_path / "none.txt")
    (tmp_path / "latin1.txt").write_bytes(b"\xff")
    with pytest.raises(InvalidInput, match=r"latin1\.txt is not UTF-8 text"):
        read_text(tmp_path / "latin1.txt")


def test_the_folder_of_a_target_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert checked_target(Path("new/deep/out.json")) == tmp_path / "new" / "deep" / "out.json"
    assert (tmp_path / "new" / "deep").is_dir()


def test_a_target_in_the_home_folder_may_be_written_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert checked_target(Path("~/out.json")) == tmp_path / "out.json"


def test_a_target_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is a folder"):
        checked_target(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInput, match="cannot be written"):
        checked_target(tmp_path / "file" / "out.json")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InvalidInput, match="no permission"):
        checked_target(tmp_path / "out.json")


def test_a_saved_file_replaces_an_earlier_one(tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    for content in (b"old and longer", b"new"):
        save(content, out)
        assert out.read_bytes() == content
    assert list(tmp_path.iterdir()) == [out]
