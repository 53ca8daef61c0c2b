import resource
from pathlib import Path

from app.curation.filter import Dropped
from app.curation.filters.answers.invalid_python import apply
from app.dataset_row import Record

ASKED = "Write a Python program."


def test_the_code_is_never_executed(tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    record = Record(ASKED, f"import pathlib\npathlib.Path({str(trace)!r}).touch()\n")
    assert apply(record) is record
    assert not trace.exists()


def test_a_constant_as_large_as_the_memory_is_not_made() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for code in ("x = 'a' * 10**11", "x = (1,) * 10**10", "x = 1 << 10**11", "x = b'a' * 10**11"):
        record = Record(ASKED, code)
        assert apply(record) is record
    # Kilobytes: less than a hundredth of the smallest of them.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_what_nests_too_deep_to_tell_stays() -> None:
    for code in ("x = " + "(" * 5000, "x = " + "[" * 90 + "]" * 90, "x = " + "-" * 5000 + "1"):
        record = Record(ASKED, code)
        assert apply(record) is record


def test_a_fault_is_reported_with_its_line() -> None:
    assert apply(Record(ASKED, "x = 1\ny = = 2\n")) == Dropped(
        "invalid_python", "line 2: invalid syntax"
    )


def test_a_bad_escape_is_no_fault_and_warns_nobody() -> None:
    record = Record(ASKED, "import re\nre.match('\\d', 'a')")
    assert apply(record) is record
