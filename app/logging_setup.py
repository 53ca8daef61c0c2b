"""Logging to standard error, the same in every process of the service: as text or as JSON lines.

Fields such as the id of a request or a run are bound once and stand in every record that follows.
"""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Literal

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from app.without_keys import without_keys

LogFormat = Literal["text", "json"]

_log = logging.getLogger(__name__)
_Fields = tuple[tuple[str, str], ...]
_FIELDS: ContextVar[_Fields] = ContextVar("log_fields", default=())
_TEXT = "%(asctime)s %(levelname)s %(name)s %(message)s%(fields)s"
_INDENT = "  "
# Control characters except tab and newline, other ends of lines, and changes of direction.
_ESCAPED = {
    code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    for code in (
        *(*range(9), *range(11, 32), *range(0x7F, 0xA0)),
        *(0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A)),
    )
}
_ACCESS_LOG = "uvicorn.access"
# Attributes that libraries add to their records for themselves: a copy of the message in colours,
# the arguments of a task.
_LEFT_OUT = [*RESERVED_ATTRS, "color_message", "taskName", "data", "fields"]


def log_to_stderr(log_format: LogFormat = "text") -> None:
    """Set up logging; call it once, at the start of an entry point.

    Args:
        log_format: ``json``: one JSON object a line, also for warnings and uncaught exceptions.
    """
    handler = logging.StreamHandler()
    handler.addFilter(add_fields)
    plain = _json_formatter() if log_format == "json" else logging.Formatter(_TEXT)
    handler.setFormatter(SafeFormatter(plain))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # It would log a line for each model call, of which a run may make a million.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    if log_format == "json":
        logging.captureWarnings(capture=True)
        sys.excepthook = _log_uncaught
        threading.excepthook = _log_uncaught_in_thread


class SafeFormatter(logging.Formatter):
    """Formats as another formatter does, and hides keys: addresses are logged with their query.

    A text that is logged, such as the message of an endpoint, can't look like another record or
    control a terminal: its further lines are indented, and control characters are escaped.
    """

    def __init__(self, plain: logging.Formatter) -> None:
        super().__init__()
        self._plain = plain

    def format(self, record: logging.LogRecord) -> str:
        """Format a record, with its traceback."""
        text = without_keys(self._plain.format(record))
        return text.translate(_ESCAPED).replace("\n", f"\n{_INDENT}")


@contextmanager
def log_fields(**fields: str) -> Iterator[None]:
    """Add fields to every record of this thread or task until the block ends."""
    token = _FIELDS.set(_with(fields))
    try:
        yield
    finally:
        _FIELDS.reset(token)


def set_log_fields(**fields: str) -> None:
    """Add fields to every further record of this task, also after the function that calls this."""
    _FIELDS.set(_with(fields))


def _with(fields: dict[str, str]) -> _Fields:
    return tuple({**dict(_FIELDS.get()), **fields}.items())


def _json_formatter() -> logging.Formatter:
    return JsonFormatter(
        ["levelname", "name", "process", "message"],
        rename_fields={"levelname": "level", "name": "logger", "exc_info": "traceback"},
        reserved_attrs=_LEFT_OUT,
        timestamp="time",
    )


def add_fields(record: logging.LogRecord) -> bool:
    """Add the bound fields to a record, and those of a request to a record of the access log."""
    fields = dict(_FIELDS.get())
    record.fields = "".join(f" {name}={value}" for name, value in fields.items())
    record.__dict__.update(fields)
    if record.name == _ACCESS_LOG and isinstance(record.args, tuple) and len(record.args) == 5:
        names = ("client", "method", "path", "http_version", "status")
        record.__dict__.update(zip(names, record.args, strict=True))
    return True


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    _log.critical("uncaught exception", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value is not None and not issubclass(ended.exc_type, SystemExit):
        _log_uncaught(ended.exc_type, ended.exc_value, ended.exc_traceback)
