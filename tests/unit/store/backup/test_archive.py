"""Backup files: what is written is read, and a file that is not as it was written is refused."""

import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import InvalidInput
from app.store.backup.archive import BackupFile, BackupWriter, Value

ROWS: list[list[Value]] = [
    ["a", 1, 0.1, True, None],
    ["\0 \u2028 \N{PILE OF POO} [{", -(2**63), 1e-300, False, '{"\\u0000": "\\ud800"}'],
    ["", 2**63 - 1, float("inf"), None, "x" * 700_000],
]


def backup_in(path: Path) -> Path:
    with path.open("wb") as file, BackupWriter(file, "0001") as writer:
        writer.begin("runs", ["a", "b", "c", "d", "e"])
        for row in ROWS:
            writer.add(row)
        writer.begin("empty", ["a"])
        writer.begin("last", ["a"])
        writer.add([1])
    return path


def packed(*lines: object) -> bytes:
    """A file whose checksum is right, whatever its lines are."""
    text = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    last = {"rows": {"runs": 1}, "sha256": hashlib.sha256(text).hexdigest()}
    return gzip.compress(text + json.dumps(last).encode() + b"\n")


HEAD = {"seedbed_backup": 1, "revision": "0001", "created_at": ""}
TABLE = {"table": "runs", "columns": ["a"]}


def test_what_was_written_is_read(tmp_path: Path) -> None:
    backup = BackupFile(backup_in(tmp_path / "a"))
    contents = backup.check()
    assert (contents.revision, contents.rows) == ("0001", {"runs": 3, "empty": 0, "last": 1})
    found = [(table.name, table.columns, list(table.rows)) for table in backup.tables()]
    assert found == [("runs", ["a", "b", "c", "d", "e"], ROWS), ("empty", ["a"], []),
                     ("last", ["a"], [[1]])]  # fmt: skip


def test_a_backup_that_was_not_completed_is_refused(tmp_path: Path) -> None:
    def interrupted() -> None:
        with (tmp_path / "a").open("wb") as file, BackupWriter(file, "0001") as writer:
            writer.begin("runs", ["a"])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with pytest.raises(InvalidInput, match="damaged or incomplete"):
        BackupFile(tmp_path / "a").check()


def test_a_file_that_was_changed_is_refused(tmp_path: Path) -> None:
    whole = backup_in(tmp_path / "a").read_bytes()
    text = gzip.decompress(whole)
    damages: dict[str, bytes] = {
        **{f"cut at {n}": whole[:n] for n in (0, 5, 11, 200, len(whole) // 2, len(whole) - 1)},
        **{f"byte {n}": flipped(whole, n) for n in (0, 1, 12, 60, len(whole) - 6)},
        **{f"text {n}": gzip.compress(flipped(text, n)) for n in (5, 30, 90, 150, 400, -9)},
        "more behind": whole + b"more",
        "twice": whole + whole,
        "a line less": gzip.compress(b"\n".join([*text.split(b"\n")[:2], *text.split(b"\n")[3:]])),
        "a line more": gzip.compress(text + b"[1]\n"),
        "no end": gzip.compress(b"".join(text.splitlines(keepends=True)[:-1])),
        "no backup": b"PK\x03\x04",
        "a list": packed([1]),
        "an object": packed({"a": 1}),
        "no table": packed(HEAD, [1]),
        "no name": packed(HEAD, {"tables": 1}),
        "too few rows": packed(HEAD, TABLE),
        "too many rows": packed(HEAD, TABLE, [1], [2]),
    }  # fmt: skip
    for what, damaged in damages.items():
        (tmp_path / "b").write_bytes(damaged)
        with pytest.raises(InvalidInput, match=r"b (is damaged|is not a backup|has version)"):
            assert not BackupFile(tmp_path / "b").check(), what
    (tmp_path / "b").write_bytes(packed(HEAD, TABLE, [1]))
    assert BackupFile(tmp_path / "b").check().rows == {"runs": 1}


def flipped(whole: bytes, place: int) -> bytes:
    changed = bytearray(whole)
    changed[place] ^= 1
    return bytes(changed)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.unlink(), "cannot be read"),
        (lambda path: path.write_bytes(packed({**HEAD, "seedbed_backup": 2})), "version 2 of the"),
    ],
)
def test_what_cannot_be_read_is_named(
    spoil: Callable[[Path], object], said: str, tmp_path: Path
) -> None:
    path = backup_in(tmp_path / "a")
    spoil(path)
    with pytest.raises(InvalidInput, match=said):
        BackupFile(path).check()


def test_a_file_that_changes_after_the_check_is_noticed(tmp_path: Path) -> None:
    backup = BackupFile(backup_in(tmp_path / "a"))
    backup.check()
    text = gzip.decompress((tmp_path / "a").read_bytes()).replace(b'"a",1', b'"a",2')
    (tmp_path / "a").write_bytes(gzip.compress(text))
    with pytest.raises(InvalidInput, match="checksum"):
        assert not ([list(table.rows) for table in backup.tables()])
