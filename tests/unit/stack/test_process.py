"""What a process has logged: since it was started, and at the end."""

import sys
from pathlib import Path

from app.stack.process import Process, ProcessSpec, log_tail

_TALKER = "print('in use'); print('trouble ' * 10_000)"


def test_the_last_lines_are_shown() -> None:
    shown = log_tail("".join(f"line {n}\n" for n in range(100)), None)
    assert shown.startswith("\n  line 85\n")
    assert shown.endswith("\n  line 99")
    assert log_tail("", None) == "\n  (nothing)"


def test_a_full_disk_explains_an_empty_log() -> None:
    shown = log_tail("", "no space is left")
    assert "(nothing)" in shown
    assert "no space is left; free some space" in shown


def test_words_are_found_however_much_was_logged_after_them(tmp_path: Path) -> None:
    # A worker that reaches no database fills its log as soon as it is ready.
    for code, has_said_it in ((_TALKER, True), ("print('another start')", False)):
        process = Process(
            ProcessSpec("talker", (sys.executable, "-c", code), {}), tmp_path, watch_pipe=False
        )
        assert process.wait(10) == 0
        assert process.has_logged("in use") is has_said_it
        process.kill()
    assert "in use" in process.log_path.read_text()
