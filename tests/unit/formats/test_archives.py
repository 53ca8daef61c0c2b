"""Archives: the one file of data is read within the limits, several are listed, damage is named."""

import io
import json
import random
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from app.dataset_row import Record, Unreadable
from app.errors import InvalidInput, SeedbedError, TooLarge
from app.formats.files import opened
from app.formats.formats import FORMATS
from app.formats.limits import ReadLimits
from app.formats.options import ReadOptions
from app.formats.recognise.recognise import format_of

ROWS = json.dumps([{"instruction": "q", "output": "a"}])
CSV = "instruction,output\nq,a\n"
KINDS = ("zip", "stored", "tar", "tar.gz")


def packed(kind: str, files: dict[str, str]) -> bytes:
    sink = io.BytesIO()
    if kind in {"zip", "stored"}:
        how = zipfile.ZIP_STORED if kind == "stored" else zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(sink, "w", how) as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        return sink.getvalue()
    with tarfile.open(fileobj=sink, mode="w:gz" if kind == "tar.gz" else "w") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return sink.getvalue()


def bzipped(text: str) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a.json", text)
    return sink.getvalue()


def imported(path: Path, data: bytes, limits: ReadLimits | None = None) -> list[object]:
    """Recognise the format and read the rows, as an import does."""
    path.write_bytes(data)
    options = ReadOptions(limits=limits or ReadLimits())
    with opened(path, options.limits) as source:
        name = format_of(source, options)
    with opened(path, options.limits) as source:
        return list(FORMATS[name].read(source, options))


def refused(path: Path, data: bytes) -> str:
    with pytest.raises(InvalidInput) as error:
        imported(path, data)
    return error.value.faults[0].message


@pytest.mark.parametrize("kind", KINDS)
def test_the_one_file_of_data_is_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    beside = {
        "README.md": "# About",
        "set/LICENSE": "MIT",
        "set/": "",
        "__MACOSX/set/._données.json": "x",
        ".DS_Store": "x",
    }
    for text in (ROWS, CSV):
        for name in ("set/données.json", "データ", "-rf", "../../etc/passwd"):
            assert imported(path, packed(kind, {name: text, **beside})) == [Record("q", "a")]
    assert sorted(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", KINDS)
def test_several_files_are_listed_and_none_is_named(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    several = refused(path, packed(kind, {"train.json": ROWS, "test.json": ROWS, "README": "x"}))
    assert "it holds 2 files: 'train.json', 'test.json'; unpack it" in several
    many = refused(path, packed(kind, {f"{n}.json": ROWS for n in range(900)}))
    assert "900 files: '0.json'" in many
    assert "and 880 more" in many
    assert "no file of data" in refused(path, packed(kind, {"README.md": "x"}))
    assert "more than 1,000" in refused(path, packed(kind, {f"{n}": "" for n in range(1_200)}))


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_unpacks_to_no_more_than_its_limits_allow(kind: str, tmp_path: Path) -> None:
    data = packed(kind, {"a.jsonl": '{"instruction": "q", "output": "a"}\n' * 10_000})
    small = ReadLimits(ratio=2, any_ratio_bytes=1_000, decoded_bytes=100_000)
    with pytest.raises(TooLarge):
        imported(tmp_path / "file", data, small)


def test_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        link = tarfile.TarInfo("a.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert "'a.json' is a link" in refused(path, sink.getvalue())
    locked = bytearray(packed("zip", {"a.json": ROWS}))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        struct.pack_into("<H", locked, locked.index(mark) + place, 1)
    assert "encrypted" in refused(path, bytes(locked))


@pytest.mark.parametrize("kind", [*KINDS, "bzip2"])
def test_a_damaged_archive_is_refused_or_read_and_nothing_else(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    text = json.dumps([{"instruction": "q" * 200, "output": "a"}] * 5)
    whole = bzipped(text) if kind == "bzip2" else packed(kind, {"a.json": text})
    drawn = random.Random(7)
    for _ in range(150):
        broken = bytearray(whole)
        for _ in range(drawn.randint(1, 4)):
            broken[drawn.randrange(4, len(broken))] = drawn.randrange(256)
        if drawn.random() < 0.3:
            del broken[drawn.randrange(len(broken)) :]
        try:
            rows = imported(path, bytes(broken))
        except SeedbedError:
            continue
        assert all(isinstance(row, Record | Unreadable) for row in rows)
