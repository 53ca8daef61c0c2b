from pathlib import Path

from app.held_files import entries, hold, open_held, remove_unless_held


def test_a_file_in_use_stays_until_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x")
    with path.open("rb") as used:
        hold(used)
        assert not remove_unless_held(path)
    assert remove_unless_held(path)
    assert remove_unless_held(path)
    assert open_held(path) is None


def test_what_can_not_be_removed_stays(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert not remove_unless_held(tmp_path / "folder")
    assert list(entries(tmp_path / "absent")) == []
    assert list(entries(tmp_path)) == []
