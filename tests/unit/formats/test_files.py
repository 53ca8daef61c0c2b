"""Files appear whole or not at all, and gzip is read as what is in it."""

import errno
import gzip
import hashlib
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.atomic_files import out_of_space_told, written
from app.dataset_row import Record
from app.errors import InvalidInput, OutOfSpace
from app.formats.files import joined, opened
from app.formats.formats import FORMATS
from tests.unit.formats.making import unhurried


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_its_block_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    data = os.urandom(700_000)
    with written(path) as file:
        file.write(data[:100])
        file.write(data[100:])
        assert not path.exists()

    assert path.read_bytes() == data
    assert (file.size, file.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert _names(tmp_path) == ["data.json"]


def test_an_empty_file_is_a_file(tmp_path: Path) -> None:
    with written(tmp_path / "nothing") as file:
        pass
    assert (tmp_path / "nothing").read_bytes() == b""
    assert (file.size, file.sha256) == (0, hashlib.sha256().hexdigest())


@pytest.mark.parametrize("wrong", [ValueError, KeyboardInterrupt, InvalidInput])
def test_nothing_is_left_of_what_went_wrong(tmp_path: Path, wrong: type[BaseException]) -> None:
    path = tmp_path / "data.json"
    path.write_bytes(b"before")

    def fill() -> None:
        with written(path) as file:
            file.write(b"half" * 200_000)
            raise wrong("no")

    with pytest.raises(wrong):
        fill()
    assert path.read_bytes() == b"before"
    assert _names(tmp_path) == ["data.json"]


def test_a_file_is_replaced_at_once(tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    path.write_bytes(b"before")
    with written(path) as file:
        file.write(b"after")
        assert path.read_bytes() == b"before"
    assert path.read_bytes() == b"after"


_FULL_DISK = """
import resource, sys
from pathlib import Path
from app.errors import OutOfSpace
from app.atomic_files import written
from app.formats.formats import FORMATS
from app.dataset_row import Record

resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
path = Path(sys.argv[2])
try:
    with written(path) as file:
        FORMATS[sys.argv[1]].write(
            (Record(f"{n} " * 40, str(n * 7919) * 40) for n in range(100_000)), file
        )
except OutOfSpace as problem:
    print(problem)
"""


@pytest.mark.parametrize("name", ["alpaca", "csv", "parquet"])
def test_a_disk_that_fills_leaves_nothing_behind(tmp_path: Path, name: str) -> None:
    path = tmp_path / "folder" / "data"
    path.parent.mkdir()
    path.write_bytes(b"before")
    command = [sys.executable, "-c", _FULL_DISK, name, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout.startswith("No space is left to write data: ")
    assert done.stderr == ""
    assert path.read_bytes() == b"before"
    assert _names(path.parent) == ["data"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_no_space_left_on_a_device_is_reported_as_such(tmp_path: Path) -> None:
    with (
        pytest.raises(OutOfSpace, match="No space left on device"),
        out_of_space_told(tmp_path / "data"),
        Path("/dev/full").open("wb", buffering=0) as sink,
    ):
        FORMATS["alpaca"].write([Record("a", "b")], sink)


def test_other_troubles_of_a_disk_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Input/output"), out_of_space_told(tmp_path):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    with pytest.raises(FileNotFoundError), written(tmp_path / "no" / "folder"):
        pass


def test_a_plain_file_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    for data in (b"", b"\x1f", b"plain"):
        path.write_bytes(data)
        with opened(path) as source:
            assert source.read() == data


def test_gzip_is_known_by_its_first_bytes_and_not_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    records = [Record(f"i{n}", "o" * 100) for n in range(10_000)]
    with gzip.open(path, "wb") as sink:
        FORMATS["alpaca"].write(records, sink)  # type: ignore[arg-type]  # it is a BinaryIO

    with opened(path) as source:
        assert list(FORMATS["alpaca"].read(source)) == records


@pytest.mark.parametrize(
    ("start", "stop", "what"),
    [(0, -300, "its gzip is cut off"), (0, 5, "its gzip is cut off"), (0, -4, "cut off")],
)
def test_gzip_that_is_cut_off_is_a_clear_problem(
    tmp_path: Path, start: int, stop: int, what: str
) -> None:
    path = tmp_path / "data.gz"
    path.write_bytes(gzip.compress(os.urandom(1_000))[start:stop])
    with opened(path) as source, pytest.raises(InvalidInput) as refused:
        source.read()
    assert what in refused.value.faults[0].message


def test_gzip_that_is_damaged_is_a_clear_problem(tmp_path: Path) -> None:
    path = tmp_path / "data.gz"
    for place in (3, 12, 500, -6):
        data = bytearray(gzip.compress(b"".join(b"%d," % n for n in range(5_000))))
        data[place] ^= 0xFF
        path.write_bytes(data)
        with opened(path) as source, pytest.raises(InvalidInput) as refused:
            list(FORMATS["jsonl"].read(source))
        assert refused.value.faults[0].message


def test_a_file_that_is_not_there_is_a_clear_problem(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(InvalidInput) as refused, opened(path):
            pass
        assert refused.value.faults[0].message in ("No such file or directory", "Is a directory")


def test_the_limit_of_these_tests_is_their_childrens_only() -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


@unhurried
@given(st.lists(st.sampled_from(["", "a", "b" * 40_000, "c" * 70_000]), max_size=12))
def test_no_text_is_lost_and_no_sign_of_waiting_either(texts: list[str]) -> None:
    pieces = list(joined(texts))

    assert "".join(pieces) == "".join(texts)
    assert pieces.count("") == texts.count("")


def test_what_is_held_comes_before_the_wait() -> None:
    assert list(joined(["a", "b", "", "c"])) == ["ab", "", "c"]


def test_pieces_are_handed_on_while_more_come() -> None:
    pieces = joined("x" * 1_000 for _ in iter(int, 1))
    assert 64_000 < len(next(pieces)) < 70_000
