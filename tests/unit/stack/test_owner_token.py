"""The token of the data folder: made once, for this user's eyes only."""

import os
from pathlib import Path

import pytest

from app.stack.owner_token import (
    is_owner_token,
    make_owner_token,
    owner_token,
    remove_owner_token,
)


def test_a_token_is_made_once_and_only_its_user_can_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    assert owner_token(folder) is None
    token = make_owner_token(folder)
    assert token is not None
    assert is_owner_token(token)
    assert make_owner_token(folder) == owner_token(folder) == token
    (file,) = folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    remove_owner_token(folder)
    remove_owner_token(folder)
    assert owner_token(folder) is None
    assert make_owner_token(folder) != token


def test_a_token_that_others_could_read_or_write_is_replaced(tmp_path: Path) -> None:
    token = make_owner_token(tmp_path)
    file = tmp_path / "owner.token"
    for mode in (0o640, 0o604, 0o620):
        file.chmod(mode)
        assert owner_token(tmp_path) is None
        assert make_owner_token(tmp_path) not in {None, token}
        assert file.stat().st_mode & 0o777 == 0o600


def test_a_link_to_a_token_is_none(tmp_path: Path) -> None:
    make_owner_token(tmp_path / "theirs")
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "owner.token").symlink_to(tmp_path / "theirs" / "owner.token")
    assert owner_token(tmp_path / "ours") is None


@pytest.mark.parametrize("text", ["", "sb_local_short", "no token at all\n"])
def test_a_file_without_a_token_is_written_again(tmp_path: Path, text: str) -> None:
    file = tmp_path / "owner.token"
    file.write_text(text)
    file.chmod(0o600)
    assert owner_token(tmp_path) is None
    assert is_owner_token(str(make_owner_token(tmp_path)))


def test_where_nothing_can_be_written_there_is_no_token(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert make_owner_token(tmp_path / "file") is None
    assert os.listdir(tmp_path) == ["file"]  # noqa: PTH208 names alone
