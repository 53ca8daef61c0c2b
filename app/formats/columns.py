"""Mapping of a row's columns to the fields of a record."""

import math
from collections.abc import Collection, Iterable, Mapping, Set
from typing import get_args

from app.dataset_row import Exchange, FieldName, Record
from app.errors import Fault, InvalidInput
from app.formats.broken_rows import BrokenRow, text_of
from app.formats.foreign.column_hints import columns_hint
from app.formats.foreign.passed_over import filled
from app.formats.foreign.preferences import pair_of_answers, ranked_answers
from app.formats.foreign.unsupported import ROW_COLUMNS, refuse_call_in_text, refuse_row
from app.formats.limits import with_setting
from app.formats.options import ReadOptions

FIELDS: tuple[FieldName, ...] = get_args(FieldName)
REQUIRED: tuple[FieldName, ...] = ("instruction", "output")
_MOST_NAMED = 50
# As JSON, pandas, spreadsheets and people write them; 1.0 is a 1 beside an empty cell.
_MARKS: Mapping[str | float, bool] = {
    1: True, "true": True, "yes": True, "1": True, "1.0": True,
    0: False, "false": False, "no": False, "0": False, "0.0": False,
}  # fmt: skip
_LONGEST_NAME = 100


class Columns:
    """Reads records from rows with named columns, and finds columns that no row had."""

    def __init__(
        self, options: ReadOptions, mapping: Mapping[str, str | None] | None = None
    ) -> None:
        """Take the options of the reading.

        Args:
            options: with the user's mapping of fields to columns.
            mapping: that of a format whose columns have other names; None: the user's.

        Raises:
            InvalidInput: when a field is unknown, or a required field has no column.
        """
        self._options = options
        self._asked = mapping or options.columns or {}
        faults = [*_faults_of(self._asked)]
        if faults:
            raise InvalidInput("The column mapping has faults.", faults)
        self._of: dict[FieldName, str | None] = {
            name: self._asked.get(name, name) for name in FIELDS
        }
        self._wanted = {
            name: column
            for name, column in self._of.items()
            if column is not None and (name in REQUIRED or self._asked.get(name) is not None)
        }
        self._not_met = set(self._wanted.values())
        self._meant = self.names | options.ignored
        """Columns that are fields, or ignored, whatever their names may mean elsewhere."""
        self._met: set[str] = set()
        """The columns that rows had, at most 50, for error messages."""

    @property
    def names(self) -> frozenset[str]:
        """The columns that become fields."""
        return frozenset(column for column in self._of.values() if column is not None)

    @property
    def wanted(self) -> frozenset[str]:
        """The columns that must be there."""
        return frozenset(self._wanted.values())

    @property
    def looked_at(self) -> frozenset[str]:
        """The columns that become fields, and those that can make a row unreadable."""
        return self.names | (ROW_COLUMNS - self._options.ignored)

    def record(self, row: object) -> Record:
        """Read one row.

        Raises:
            BrokenRow: with what is wrong.
        """
        if not isinstance(row, dict):
            raise BrokenRow("not_object", "a row is an object with columns")
        if len(row) > self._options.limits.columns:
            what = f"{len(row):,} columns; at most {self._options.limits.columns:,} are read"
            raise BrokenRow("too_many_columns", with_setting(what, "columns"))
        self.meet(row)
        refuse_row(row, self._meant)
        history = self._optional(row, "history")
        record = Record(
            instruction=self._required(row, "instruction"),
            output=self._required(row, "output"),
            input=self._text(row, "input"),
            system=self._text(row, "system"),
            history=() if not history else tuple(_exchanges(history, self._of["history"])),
            is_classification=self._mark(row),
        )
        refuse_call_in_text(record.output, self._of["output"] or "output", self._options.ignored)
        if self._options.passed_over is not None:
            self._options.passed_over.add(filled(row, self.names))
        return record

    def records(self, row: object) -> Iterable[Record]:
        """Read one row; one of Self-Instruct's own, with a list of instances, may give several.

        Raises:
            BrokenRow: with what is wrong.
        """
        instances = row.get("instances") if isinstance(row, dict) else None
        if self._asked or not isinstance(row, dict) or not isinstance(instances, list):
            return (self.record(row),)
        if "output" in row:
            return (self.record(row),)
        if not instances:
            raise BrokenRow("missing_column", "instances is empty")
        rest = {name: value for name, value in row.items() if name != "instances"}
        return [self.record(rest | _instance(one, n)) for n, one in enumerate(instances)]

    def meet(self, row: Mapping[str, object]) -> None:
        """Take note of the columns of a row."""
        if self._not_met:
            self._not_met -= row.keys()
        if len(self._met) < _MOST_NAMED:
            self._met |= row.keys()

    def refuse_if_never_met(self) -> None:
        """Check after the last row that every column was found.

        Raises:
            InvalidInput: when no row had a required or requested column.
        """
        if self._met:
            self._refuse(self._not_met, self._met)

    def refuse_if_not_among(self, there: Collection[str]) -> None:
        """Check the columns of a header before the first row.

        Raises:
            InvalidInput: there are too many columns, or one is missing; names each missing one, and
                the existing ones.
        """
        self._options.limits.refuse_columns(len(there))
        names = set(there)
        self._refuse(set(self._wanted.values()) - names, names)

    def _refuse(self, missing: Set[str], there: Set[str]) -> None:
        some = sorted(there)[:_MOST_NAMED]
        named = ", ".join(repr(name[:_LONGEST_NAME]) for name in some) or "none"
        hint = pair_of_answers(there)
        hint = columns_hint(there) if hint is None else f"; {hint}"
        faults = [
            Fault(f"there is no column {column!r}; there are: {named}{hint}", field=name)
            for name, column in self._wanted.items()
            if column in missing
        ]
        if faults:
            raise InvalidInput("The file lacks columns.", faults)

    def _required(self, row: Mapping[str, object], name: FieldName) -> str:
        column = self._of[name]
        value = row.get(column) if column is not None else None
        if value is None or column is None:
            what = "is null" if column in row else "is missing"
            raise BrokenRow("missing_column", f"{column} {what}")
        if isinstance(value, list) and (several := ranked_answers(row)):
            raise BrokenRow("not_text", several)
        return text_of(value, column, as_text=self._options.as_text)

    def _text(self, row: Mapping[str, object], name: FieldName) -> str:
        value = self._optional(row, name)
        where = self._of[name] or name
        return "" if value is None else text_of(value, where, as_text=self._options.as_text)

    def _mark(self, row: Mapping[str, object]) -> bool | None:
        value = self._optional(row, "is_classification")
        if isinstance(value, str):
            value = value.strip().lower()
        if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
            return None
        mark = _MARKS.get(value) if isinstance(value, str | int | float) else None
        if mark is None:
            raise BrokenRow(
                "not_boolean",
                f"{self._of['is_classification']} must be true, false or empty; map the field"
                " is_classification to another column, or to null",
            )
        return mark

    def _optional(self, row: Mapping[str, object], name: FieldName) -> object:
        column = self._of[name]
        return None if column is None else row.get(column)


def _faults_of(mapping: Mapping[str, str | None]) -> Iterable[Fault]:
    known = ", ".join(FIELDS)
    for name, column in mapping.items():
        if name not in FIELDS:
            yield Fault(f"a record has no such field; it has {known}", field=name)
        elif column is None and name in REQUIRED:
            yield Fault("must have a column", field=name)


def _instance(instance: object, number: int) -> dict[str, object]:
    if not isinstance(instance, dict):
        what = f"instances[{number}] must be an object with input and output"
        raise BrokenRow("not_object", what)
    return instance


def _exchanges(history: object, where: str | None) -> Iterable[Exchange]:
    if not isinstance(history, list):
        raise BrokenRow("not_text", f"{where} must be a list of [user, assistant]")
    for number, pair in enumerate(history):
        if not isinstance(pair, list) or len(pair) != 2:
            raise BrokenRow("not_text", f"{where}[{number}] must be [user, assistant]")
        user, assistant = (text_of(text, f"{where}[{number}]") for text in pair)
        yield Exchange(user, assistant)
