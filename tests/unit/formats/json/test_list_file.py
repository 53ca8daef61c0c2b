"""JSON lists: cut into elements exactly as the standard parser reads them, whatever is in them."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.dataset_row import Record, Unreadable
from app.errors import InvalidInput
from app.formats.json.lines import Convert
from app.formats.json.list_file import list_pieces, read_list
from app.formats.limits import ReadLimits
from tests.unit.formats.making import TEXTS, reasons, unhurried

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
_MOST = ReadLimits(row_bytes=1_000_000)


class _Trickle(io.BytesIO):
    """Gives a few bytes at a time, so that every border falls between two readings."""

    def __init__(self, data: bytes, step: int) -> None:
        super().__init__(data)
        self._step = step

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(self._step, self._step if size is None else abs(size)))


def _elements(source: io.BytesIO, limits: ReadLimits = _MOST) -> list[Any]:
    values: list[Any] = []

    def convert(value: object) -> Iterator[Record]:
        values.append(value)
        return iter(())

    kept: Convert = convert
    values += read_list(source, limits, kept)
    return values


@settings(unhurried, max_examples=100)
@given(
    values=st.lists(VALUES, max_size=5),
    step=st.integers(1, 9),
    escaped=st.booleans(),
    indent=st.sampled_from([None, 2]),
)
def test_elements_are_those_of_the_standard_parser(
    values: list[Any], step: int, escaped: bool, indent: int | None
) -> None:
    text = json.dumps(values, ensure_ascii=escaped, indent=indent)

    assert _elements(_Trickle(text.encode(), step)) == values


@pytest.mark.parametrize("text", ["[]", " [ ]\n", "\ufeff[\r\n]"])
def test_an_empty_list_has_no_elements(text: str) -> None:
    assert _elements(io.BytesIO(text.encode())) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("NaN", "not_json"),
        ('{"a": NaN}', "not_json"),
        ('{"a": -Infinity}', "not_json"),
        ('{"a": 1, "a": 2}', "duplicate_key"),
        ('{"a": "\x01"}', "not_json"),
        ('{"a": "x\ny"}', "not_json"),
        ('{"a" 1}', "not_json"),
        ("", "not_json"),
        ('{"a": 1} {"b": 2}', "not_json"),
        ("[" * 100_000 + "]" * 100_000, "too_deep"),
        ("9" * 5_000, "not_json"),
        ('{"a": "' + "x" * 2_000_000 + '"}', "too_large"),
    ],
    ids=lambda text: text[:20],
)
def test_a_broken_element_breaks_no_other(text: str, reason: str) -> None:
    whole = '{"instruction": "a"}'
    source = io.BytesIO(f"[{whole}, {text}, {whole}]".encode())
    rows = [row for _, row in read_list(source, _MOST, lambda _: (Record("a", ""),))]

    assert reasons(rows) == [None, reason, None]
    (broken,) = [row for row in rows if isinstance(row, Unreadable)]
    assert (broken.row, broken.line, broken.text) == (2, None, text[:200])


def test_bytes_that_are_no_utf_8_are_reported_of_and_shown() -> None:
    source = io.BytesIO(b'["\xff", "\xed\xa0\x80"]')
    rows = [row for _, row in read_list(source, _MOST, lambda _: ())]

    assert reasons(rows) == ["not_utf8", "not_utf8"]
    assert isinstance(rows[0], Unreadable)
    assert rows[0].text == '"\ufffd"'
    assert rows[0].detail.startswith("not UTF-8 at byte 2 of the row")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "it is empty, before the first row"),
        (b"  \n", "it is empty"),
        (b"[", "it is cut off, before the first row"),
        (b"[1, 2", "it is cut off, after row 1"),
        (b"[1, 2,", "it is cut off, after row 2"),
        (b'[1, {"a": "b', "it is cut off, after row 1"),
        (b"[1, 2]]", "something follows the end of the list, after row 2"),
        (b"[1] [2]", "something follows the end of the list"),
        (b"[1}", "a brace closes what none has opened"),
        (b'{"a": 1}\n', "it begins with an object; read JSON lines as such"),
        (b"<html>", "it does not begin with a bracket"),
    ],
)
def test_a_file_that_is_no_whole_list_is_refused(data: bytes, what: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        _elements(io.BytesIO(data))
    assert what in refused.value.faults[0].message


def test_rows_before_the_cut_are_read() -> None:
    rows = read_list(io.BytesIO(b'[{"a": 1}, {"a'), _MOST, lambda _: (Record("a", "b"),))

    assert next(rows) == (1, Record("a", "b"))
    with pytest.raises(InvalidInput):
        next(rows)


def test_an_element_that_never_ends_is_refused_before_it_fills_the_memory() -> None:
    class Endless(io.RawIOBase):
        taken = 0

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1, /) -> bytes:
            self.taken += size
            return b'["' + b"x" * (size - 2) if self.taken == size else b"x" * size

    source = Endless()
    with pytest.raises(InvalidInput) as refused:
        list(read_list(source, _MOST, lambda _: ()))  # type: ignore[arg-type]  # reads, and is endless

    message = refused.value.faults[0].message
    assert message.startswith("a row is larger than 1,000,000 bytes (SEEDBED_IMPORT_MAX_ROW_MIB)")
    assert message.endswith("before the first row")
    assert source.taken < 5_000_000


def test_pieces_are_handed_on_when_there_is_no_more_for_now() -> None:
    assert list(list_pieces(["1", "2", "", "3", "4"])) == ["[\n1,\n2", "", ",\n3,\n4\n]\n"]
    assert list(list_pieces([""])) == ["", "[]\n"]
    assert list(list_pieces(["1", "", ""])) == ["[\n1", "", "", "\n]\n"]
