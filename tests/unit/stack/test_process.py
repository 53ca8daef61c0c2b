"""The end of a log in the message about a process that ended."""

from app.stack.process import log_tail


def test_the_last_lines_are_shown() -> None:
    shown = log_tail("".join(f"line {n}\n" for n in range(100)), None)
    assert shown.startswith("\n  line 85\n")
    assert shown.endswith("\n  line 99")
    assert log_tail("", None) == "\n  (nothing)"


def test_a_full_disk_explains_an_empty_log() -> None:
    shown = log_tail("", "no space is left")
    assert "(nothing)" in shown
    assert "no space is left; free some space" in shown
