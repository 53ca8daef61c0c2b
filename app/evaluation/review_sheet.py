"""Human review: a blind sheet for a reviewer, its key, and reading the ratings back.

The levels are those of Wang et al. 2022 (section 4.3). The sheet is CSV for a spreadsheet, with one
answer per row, shuffled and without model names. The key is needed to read it back.
"""

import codecs
import csv
import hashlib
import io
import json
import random
import unicodedata
from collections.abc import Iterator, Sequence, Set
from typing import Literal, TypeAlias, get_args

from app.errors import Fault, InvalidInput
from app.evaluation.answers import Contender, HeldOutTask
from app.evaluation.metrics import Finding

Level: TypeAlias = Literal["A", "B", "C", "D"]
LEVELS: tuple[Level, ...] = get_args(Level)
MEANINGS: dict[Level, str] = {
    "A": "valid and satisfying",
    "B": "acceptable, with minor errors or imperfections",
    "C": "responds to the instruction, but with significant errors in what it says",
    "D": "irrelevant or completely invalid",
}
COLUMNS = ("item", "earlier_turns", "instruction", "input", "answer", "rating", "note")
# Answers may be longer than the default limit of the csv module.
csv.field_size_limit(2**31 - 1)
_MOST_FAULTS = 100
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MOST_CHARACTERS = 32_000
"""Maximum of a cell; spreadsheets hold 32,767 and break longer rows in two."""
_LOOKS_LIKE = str.maketrans(
    # Greek and Cyrillic capitals.
    "\N{GREEK CAPITAL LETTER ALPHA}\N{GREEK CAPITAL LETTER BETA}"
    "\N{CYRILLIC CAPITAL LETTER A}\N{CYRILLIC CAPITAL LETTER VE}\N{CYRILLIC CAPITAL LETTER ES}",
    "ABABC",
)


class SheetItem(Finding):
    """Task and model of one row of a sheet."""

    item: str
    task_id: str
    model: str


class SheetKey(Finding):
    """The key of a blind sheet, kept apart from it until the ratings are returned."""

    sheet: str
    """Id of the sheet. Every item's name begins with it, so another sheet is detected."""
    seed: int
    items: list[SheetItem]
    """In the order of the sheet."""


class Rating(Finding):
    """A reviewer's rating of one answer."""

    task_id: str
    model: str
    level: Level
    note: str = ""


class Review(Finding):
    """A sheet filled in by one reviewer."""

    reviewer: str
    ratings: list[Rating]
    unrated: int
    """Rows of the sheet that have no rating or were removed."""


def blind_sheet(
    tasks: Sequence[HeldOutTask], contenders: Sequence[Contender], seed: int
) -> tuple[bytes, SheetKey]:
    """Write the sheet and its key; the same tasks, answers and seed give the same two.

    Unanswered tasks stand in it with an empty answer: leaving them out would favour the model.
    """
    answers = {each.name: each.texts(tasks) for each in contenders}
    drawn = [(place, name) for place in range(len(tasks)) for name in answers]
    random.Random(seed).shuffle(drawn)
    rows = [[tasks[place].id, name, answers[name][place]] for place, name in drawn]
    sheet = hashlib.sha256(json.dumps([seed, rows]).encode()).hexdigest()[:6]
    items = [
        SheetItem(item=f"{sheet}-{number:04}", task_id=tasks[place].id, model=name)
        for number, (place, name) in enumerate(drawn, start=1)
    ]
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for item, (place, name) in zip(items, drawn, strict=True):
        shown = [*_asked(tasks[place]), answers[name][place]]
        writer.writerow([item.item, *(_as_text(each) for each in shown), "", ""])
    key = SheetKey(sheet=sheet, seed=seed, items=items)
    # Spreadsheets take a CSV file for Latin-1 without the mark.
    return text.getvalue().encode("utf-8-sig", "replace"), key


def _asked(task: HeldOutTask) -> list[str]:
    record = task.record
    turns = [f"system: {record.system}"] if record.system else []
    for exchange in record.history:
        turns += [f"user: {exchange.user}", f"assistant: {exchange.assistant}"]
    return ["\n".join(turns), record.instruction, record.input]


def _as_text(cell: str) -> str:
    """Keep a spreadsheet from running a model's text as a formula; cells are never read back."""
    if len(cell) > _MOST_CHARACTERS:
        cell = f"{cell[:_MOST_CHARACTERS]} [cut: {len(cell):,} characters]"
    return f" {cell}" if cell.startswith(_FORMULA) else cell


def read_sheet(data: bytes, key: SheetKey, reviewer: str) -> Review:
    """Read a sheet that a person filled in; rows may be in any order, and some not rated yet.

    Whatever a spreadsheet makes of the texts, items and ratings are plain letters and come through.

    Raises:
        InvalidInput: with every fault and its line, when it is not this key's sheet, a rating is
            not A to D, an item is twice there, or nothing is rated at all.
    """
    models = {item.item: item for item in key.items}
    ratings: dict[str, Rating] = {}
    seen: set[str] = set()
    faults: list[Fault] = []
    for line, row in _rows(data):
        name, level = row["item"].strip(), _level(row["rating"])
        fault = _fault(name, level, key.sheet, models.keys(), seen)
        seen.add(name)
        if fault:
            faults.append(Fault(fault[1], line=line, field=fault[0]))
            continue
        known = next((each for each in LEVELS if each == level), None)
        if known is not None:
            item = models[name]
            note = row.get("note", "").strip()
            ratings[name] = Rating(task_id=item.task_id, model=item.model, level=known, note=note)
    if not faults and not ratings:
        faults.append(Fault("no row has a rating", field="rating"))
    if faults:
        raise InvalidInput("The review sheet has faults.", faults[:_MOST_FAULTS])
    ordered = [ratings[item.item] for item in key.items if item.item in ratings]
    return Review(reviewer=reviewer, ratings=ordered, unrated=len(key.items) - len(ordered))


def _level(cell: str) -> str:
    """Return a rating normalised: any keyboard, any case."""
    said = unicodedata.normalize("NFKC", cell[:100]).upper().translate(_LOOKS_LIKE)
    return said.strip().rstrip(".")


def _fault(
    name: str, level: str, sheet: str, known: Set[str], seen: Set[str]
) -> tuple[str, str] | None:
    """Return the field with a fault and the message; None without a fault."""
    if not name:
        return "item", "this row has no item"
    if not name.startswith(f"{sheet}-"):
        return "item", f"{name[:40]!r} is of another sheet; this key is of sheet {sheet}"
    if name not in known:
        return "item", f"there is no item {name[:40]!r} in this sheet"
    if name in seen:
        return "item", f"the item {name!r} is here twice"
    if level and level not in LEVELS:
        return "rating", f"{level[:20]!r} is no rating; it is A, B, C or D, or empty"
    return None


def _text(data: bytes) -> str:
    """Decode a file saved by a spreadsheet: UTF-8, "Unicode text", or a code page.

    With a wrong code page only notes are affected: no other cell that is read has letters beyond
    ASCII.
    """
    if data.startswith((b"PK", b"\xd0\xcf\x11\xe0")):
        fault = Fault("this is a workbook; save the sheet as CSV", line=1)
        raise InvalidInput("The review sheet cannot be read.", [fault])
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _rows(data: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the line number of each row and its cells by column."""
    text = _text(data)
    # Spreadsheets of many countries save CSV with semicolons.
    head = next(iter(text.splitlines()), "")
    mark = max((",", ";", "\t"), key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    line = 1
    columns: list[str] | None = None
    try:
        for cells in reader:
            if columns is None:
                columns = _columns(cells)
            elif any(cell.strip() for cell in cells):
                filled = cells + [""] * (len(columns) - len(cells))
                yield line, dict(zip(columns, filled, strict=False))
            line = reader.line_num + 1
    except csv.Error as error:
        fault = Fault(f"this is no CSV: {error}", line=line)
        raise InvalidInput("The review sheet cannot be read.", [fault]) from error
    if columns is None:
        raise InvalidInput("The review sheet is empty.", [Fault("there is no line", line=1)])


def _columns(cells: Sequence[str]) -> list[str]:
    columns = [cell.strip().casefold() for cell in cells]
    missing = [name for name in ("item", "rating") if name not in columns]
    if missing:
        faults = [Fault("this column is missing", line=1, field=name) for name in missing]
        raise InvalidInput("The review sheet has faults.", faults)
    return columns
