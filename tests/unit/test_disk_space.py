import errno
from pathlib import Path

from app.disk_space import refusal, shortage

PATH = Path("/data/files/rows.parquet")


def test_a_refused_write_is_said_in_words() -> None:
    full = "No space is left to write rows.parquet: "
    table = {
        errno.ENOSPC: full + "No space left on device.",
        errno.EDQUOT: full + "Disk quota exceeded.",
        errno.EFBIG: full + "File too large.",
        errno.EROFS: "rows.parquet can't be written: the file system is read-only.",
        errno.EACCES: None,
    }
    assert {number: refusal(OSError(number, ""), PATH) for number in table} == table


def test_a_disk_with_too_little_space_is_named_with_the_numbers(tmp_path: Path) -> None:
    found = shortage(tmp_path / "not" / "there" / "yet", 10**18)
    assert found is not None
    assert found.endswith(" MB are free, less than 1000000000000 MB")
    assert shortage(tmp_path, 0) is None
