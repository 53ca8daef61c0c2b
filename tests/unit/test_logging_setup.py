"""The log of every process: text, or one JSON object a line, with the ids that are bound."""

import json
import logging
import subprocess
import sys
from typing import Any

from app.logging_setup import SafeFormatter

SCRIPT = """
import logging, sys, threading, warnings
from app.logging_setup import log_fields, log_to_stderr
log_to_stderr(sys.argv[1])
log = logging.getLogger("app.some")
with log_fields(run_id="run_1"):
    with log_fields(request_id="abc"):
        log.info("one %s\\ntwo", 1, extra={"color_message": "left out"})
    try:
        raise ValueError("no\\nsuch")
    except ValueError:
        log.exception("it failed")
log.info("after")
args = ("127.0.0.1:1", "GET", "/v1/runs?limit=1", "1.1", 200)
logging.getLogger("uvicorn.access").info('%s - "%s %s HTTP/%s" %d', *args)
warnings.warn("old", stacklevel=1)
def fail():
    raise LookupError("in a thread")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
raise RuntimeError("at the end")
"""


def logged(log_format: str) -> list[str]:
    command = [sys.executable, "-c", SCRIPT, log_format]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert not ended.stdout
    return ended.stderr.splitlines()


def test_every_line_of_the_json_log_is_an_object_with_the_ids_that_are_bound() -> None:
    lines: list[dict[str, Any]] = [json.loads(line) for line in logged("json")]
    first, failed, after, access, warned, in_thread, last = lines
    assert set(first) == {"time", "level", "logger", "process", "message", "run_id", "request_id"}
    assert (first["message"], first["level"], first["logger"]) == ("one 1\ntwo", "INFO", "app.some")
    assert (first["run_id"], first["request_id"]) == ("run_1", "abc")
    assert (failed["run_id"], "request_id" in failed) == ("run_1", False)
    assert failed["traceback"].startswith("Traceback")
    assert failed["traceback"].endswith("ValueError: no\nsuch")
    assert "run_id" not in after
    names = ("client", "method", "path", "status")
    reported = ["127.0.0.1:1", "GET", "/v1/runs?limit=1", 200]
    assert [access[name] for name in names] == reported
    assert "old" in warned["message"]
    assert "LookupError: in a thread" in in_thread["traceback"]
    assert "RuntimeError: at the end" in last["traceback"]


def test_a_line_of_the_text_log_ends_with_the_ids() -> None:
    text = "\n".join(logged("text"))
    assert "INFO app.some one 1\n  two run_id=run_1 request_id=abc\n" in text
    assert "ERROR app.some it failed run_id=run_1\n  Traceback" in text
    assert "\n  ValueError: no\n  such\n" in text
    assert "INFO app.some after\n" in text


def test_no_text_looks_like_another_record_or_controls_a_terminal() -> None:
    formatter = SafeFormatter(logging.Formatter("%(levelname)s %(message)s"))
    hostile = "no\nINFO all is well\r\x1b[2J\x00\x85\u2028\u202e\ttab \u6f22 \u200d"
    record = logging.LogRecord("app.some", logging.ERROR, "", 0, "%s", (hostile,), None)
    expected = "no\n  INFO all is well\\x0d\\x1b[2J\\x00\\x85\\u2028\\u202e\ttab \u6f22 \u200d"
    assert formatter.format(record) == f"ERROR {expected}"
