"""Files of seed tasks: which form a file has, and the rows in it.

| form | example |
|---|---|
| JSON lines | ``{"instruction": ...}`` on each line, or one object after the other |
| a JSON list | ``[{"instruction": ...}, ...]`` |
| a JSON list in an object | ``{"seed_tasks": [{"instruction": ...}, ...]}`` |
| CSV | ``instruction,input,output`` and rows below; with commas, semicolons, tabs or bars |

Any other form is refused by its name.
"""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from app.errors import Fault, InvalidInput
from app.pipeline.seed_rows import CHAT_NAMES, INSTRUCTION_NAMES, OUTPUT_NAMES, mark_of

REFUSED = "These are not seed tasks."
_BROKEN = "The seed set has faults."
_BOM = b"\xef\xbb\xbf"
_SHAPE = (
    'a seed task is a JSON object such as {"instruction": "...", "instances": [{"input": "",'
    ' "output": "..."}], "is_classification": false}, or a row with the columns instruction, input'
    " and output"
)
_PACKED = {
    b"\x1f\x8b": "a gzip file",
    b"PK\x03\x04": "a ZIP archive or an Excel file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"\xfd7zXZ": "an xz file",
    b"BZh": "a bzip2 file",
    b"PAR1": "a Parquet file",
}
# UTF-32 first: its little-endian mark begins as that of UTF-16.
_OTHER_ENCODINGS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_LIST = re.compile(rb"\s*\[\s*\{")
"""The beginning of a list of objects."""
_LINE_START = re.compile(rb"^[ \t]*[{\[]", re.MULTILINE)
_SPACE = re.compile(r"\s*+")
_MOST_COLUMNS = 1_000
_DELIMITERS = (",", ";", "\t", "|")
TO_UTF8 = "save the file as UTF-8 (from Windows: iconv -f WINDOWS-1252 -t UTF-8 FILE)"


@dataclass(frozen=True, slots=True)
class SeedRows:
    """The rows of a file, before they are checked."""

    form: str
    rows: Sequence[tuple[int, object]]
    """Values, or faults, each with its number."""
    in_list: bool = False
    """True when the number is the 1-based place in a list; otherwise it is the line."""


def parse(data: bytes) -> SeedRows:
    """Recognise the form of a file, and split it into rows.

    Raises:
        InvalidInput: The file has another form, which the error names, or its list is broken.
    """
    _refuse_other_bytes(data)
    data = data.removeprefix(_BOM)
    first = data.lstrip()[:1]
    if first == b"[":
        return _list(data)
    if first == b"{":
        return _objects(data)
    if not first or _LINE_START.search(data) or _is_json(data.split(b"\n", 1)[0]):
        return SeedRows("JSON lines", list(_lines(data)))
    return _table(data)


def _refuse_other_bytes(data: bytes) -> None:
    for start, name in _OTHER_ENCODINGS.items():
        if data.startswith(start):
            fault = Fault(f"not UTF-8 but {name}; save the file as UTF-8", line=1)
            raise InvalidInput(REFUSED, [fault])
    if len(data) > 1 and 0 in data[:2] and any(data[:2]):
        fault = Fault("not UTF-8 but UTF-16; save the file as UTF-8", line=1)
        raise InvalidInput(REFUSED, [fault])
    for start, name in _PACKED.items():
        if data.startswith(start):
            fault = Fault(f"{name}; unpack or convert it to JSON lines or CSV first")
            raise InvalidInput(REFUSED, [fault])


class _DuplicateKeyError(ValueError):
    """An object has a key twice, so that its value is ambiguous."""


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) < len(pairs):
        twice = next(name for name, times in Counter(n for n, _ in pairs).items() if times > 1)
        raise _DuplicateKeyError(f"the key {twice[:50]!r} is there twice")
    return made


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _list(data: bytes) -> SeedRows:
    try:
        tasks: list[object] = json.loads(data, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        if not _LIST.match(data) or error.msg == "Extra data":
            # The list is only the first line of several.
            return SeedRows("JSON lines", list(_lines(data)))
        fault = f"a JSON list that ends too early or is not valid: {error.msg}"
        where = f"{fault} at line {error.lineno}, column {error.colno}"
        raise InvalidInput(_BROKEN, [Fault(where)]) from None
    except UnicodeDecodeError as error:
        fault = f"not UTF-8 at byte {error.start + 1}"
        raise InvalidInput(_BROKEN, [Fault(fault)]) from None
    except _DuplicateKeyError as error:
        raise InvalidInput(_BROKEN, [Fault(str(error))]) from None
    except (ValueError, RecursionError):
        if not _LIST.match(data):
            return SeedRows("JSON lines", list(_lines(data)))
        fault = "not JSON that can be read: nested too deep, or a number is too long"
        raise InvalidInput(_BROKEN, [Fault(fault)]) from None
    if tasks and not any(isinstance(task, dict) for task in tasks):
        of_texts = all(isinstance(task, str) for task in tasks)
        form = "a JSON list of texts" if of_texts else "a JSON list without objects"
        raise InvalidInput(REFUSED, [Fault(f"{form}; {_SHAPE}", line=1)])
    return SeedRows("a JSON list", list(enumerate(tasks, start=1)), in_list=True)


def _objects(data: bytes) -> SeedRows:
    """Read lines, one object around a list, or objects that run over several lines."""
    whole = list(_values(data))
    if len(whole) == 1 and isinstance(whole[0][1], dict):
        around = _list_inside(whole[0][1])
        if around is not None:
            return around
    # Objects that are broken are named line by line.
    return SeedRows("JSON lines", whole or list(_lines(data)))


def _values(data: bytes) -> Iterator[tuple[int, object]]:
    """Yield the objects of a file that are not one a line; nothing when they are, or are broken."""
    lines = data.split(b"\n", 2)
    if len([line for line in lines if line.strip()]) > 1 and _is_json(lines[0]):
        return
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    decoder, at, line = json.JSONDecoder(object_pairs_hook=_object), 0, 1
    found: list[tuple[int, object]] = []
    while (start := _next_filled(text, at)) < len(text):
        line += text.count("\n", at, start)
        try:
            value, end = decoder.raw_decode(text, start)
        except _DuplicateKeyError as error:
            yield line, Fault(str(error), line=line)
            return
        except (ValueError, RecursionError):
            return
        found.append((line, value))
        line += text.count("\n", start, end)
        at = end
        if "\n" not in text[at : _next_filled(text, at)] and _next_filled(text, at) < len(text):
            # Two objects in one line are a fault of that line.
            return
    yield from found


def _next_filled(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _list_inside(value: dict[str, object]) -> SeedRows | None:
    """Return the list that an object is put around; None when it is a task.

    Raises:
        InvalidInput: It is the columns of a table, or has several lists.
    """
    if isinstance(value.get("instruction"), str) or value.keys() & {"instances", *CHAT_NAMES}:
        return None
    columns = [n for n in INSTRUCTION_NAMES + OUTPUT_NAMES if isinstance(value.get(n), list | dict)]
    if len(columns) > 1:
        fault = Fault(
            f"column-oriented JSON, with a list of each of {', '.join(columns)}; {_SHAPE}"
        )
        raise InvalidInput(REFUSED, [fault])
    lists = {
        name: part
        for name, part in value.items()
        if isinstance(part, list) and any(isinstance(one, dict) for one in part)
    }
    inner = [part for part in value.values() if isinstance(part, dict)]
    if not lists and len(inner) == 1:
        return _list_inside(inner[0])
    if len(lists) > 1:
        named = ", ".join(repr(name[:50]) for name in lists)
        fault = Fault(f"a JSON object with several lists ({named}); leave the list of seed tasks")
        raise InvalidInput(REFUSED, [fault])
    for name, part in lists.items():
        form = f"a JSON list in an object ({name[:50]})"
        return SeedRows(form, list(enumerate(part, start=1)), in_list=True)
    return None


def _lines(data: bytes) -> Iterator[tuple[int, object]]:
    for number, ended in enumerate(io.BytesIO(data), start=1):
        raw = ended.rstrip()
        if not raw:
            continue
        try:
            yield number, json.loads(raw.decode(), object_pairs_hook=_object)
        except UnicodeDecodeError as error:
            what = f"not UTF-8 at byte {error.start + 1} of the line; {TO_UTF8}"
            yield number, Fault(what, line=number)
        except json.JSONDecodeError as error:
            yield number, Fault(f"not JSON: {error.msg} at column {error.colno}", line=number)
        except _DuplicateKeyError as error:
            yield number, Fault(str(error), line=number)
        except ValueError:
            yield number, Fault("not JSON that can be read: a number is too long", line=number)
        except RecursionError:
            yield number, Fault("not JSON that can be read: nested too deep", line=number)


def _table(data: bytes) -> SeedRows:
    """Read CSV.

    Raises:
        InvalidInput: It is plain text, or its columns are not those of seed tasks.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidInput(REFUSED, [Fault(f"not UTF-8; {TO_UTF8}", line)]) from None
    if text.lstrip().startswith("|"):
        raise InvalidInput(REFUSED, [Fault(f"a Markdown table; write it as CSV; {_SHAPE}", line=1)])
    named: list[str] = []
    for delimiter in _DELIMITERS:
        header = _header(text, delimiter)
        if {*header} & {*INSTRUCTION_NAMES} and {*header} & {*OUTPUT_NAMES}:
            return SeedRows("CSV", list(_table_rows(text, delimiter, header)))
        if len(header) > 1 and {*header} & {*INSTRUCTION_NAMES, *OUTPUT_NAMES, "instances"}:
            named = header
    if named:
        fault = f"CSV with the columns {', '.join(named)[:200]}; {_SHAPE}"
    else:
        first = text.strip().partition("\n")[0].strip()
        fault = f"plain lines of text, such as {first[:80]!r}; {_SHAPE}"
    raise InvalidInput(REFUSED, [Fault(fault, line=1)])


def _header(text: str, delimiter: str) -> list[str]:
    try:
        names = next(csv.reader(_kept_lines(text), delimiter=delimiter), [])
    except csv.Error:
        return []
    return [name.strip().lower() for name in names]


def _kept_lines(text: str) -> Iterable[str]:
    return io.StringIO(text, newline="")


def _table_rows(text: str, delimiter: str, header: list[str]) -> Iterator[tuple[int, object]]:
    if len(header) > _MOST_COLUMNS:
        fault = f"it has {len(header):,} columns; at most {_MOST_COLUMNS:,} are read"
        raise InvalidInput(REFUSED, [Fault(fault, line=1)])
    twice = sorted(name for name, times in Counter(header).items() if times > 1)
    if twice:
        raise InvalidInput(
            REFUSED, [Fault(f"the column {name!r} is there twice", 1) for name in twice]
        )
    reader = csv.reader(_kept_lines(text), delimiter=delimiter, strict=True)
    next(reader)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, Fault(f"not CSV: {error}", line=line)
            continue
        if len(cells) > len(header):
            fault = f"{len(cells)} values under {len(header)} columns; put quotes around the texts"
            yield line, Fault(fault, line=line)
        elif cells:
            row: dict[str, object] = dict(zip(header, cells, strict=False))
            yield line, _with_mark(row)


def _with_mark(row: dict[str, object]) -> dict[str, object]:
    """Return a row of CSV with its mark as true or false; without one when it is empty."""
    text = row.pop("is_classification", "")
    mark = mark_of(str(text))
    if mark is not None:
        row["is_classification"] = mark
    elif str(text).strip():
        row["is_classification"] = text
    return row
