"""The table of formats: what each carries, what it refuses, and that no pair of them loses text.

After a wanted change, renew the golden files and read their difference:

    SEEDBED_RENEW_GOLDEN=1 pytest tests/unit/formats/test_formats.py -k golden
"""

import hashlib
import io
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dataset_row import Record, Unreadable
from app.errors import InvalidInput
from app.formats.columns import FIELDS
from app.formats.formats import EVERY_WRITE_OPTION, FORMATS, Format, format_named, options_of
from app.formats.options import (
    MARK_COLUMN,
    CsvOptions,
    ParquetOptions,
    ReadOptions,
    TableOptions,
    VicunaOptions,
    WriteOptions,
)
from app.formats.prompt_completion import PromptCompletionOptions
from tests.golden import check_golden
from tests.unit.formats.making import CHATS, GOLDEN, RECORDS, as_bytes, read, unhurried

GOLDEN_FILES = Path(__file__).parent / "golden"
WITH_CHATS = ParquetOptions(chat_columns=True)
WITH_ALL = ParquetOptions(chat_columns=True, classification_column=True)
formats = pytest.mark.parametrize("format_", FORMATS.values(), ids=lambda one: one.name)
pairs = pytest.mark.parametrize(
    ("first", "second"),
    [
        (one, other)
        for one, other in permutations(FORMATS.values(), 2)
        if one.carries | one.carries_if_asked <= other.carries | other.carries_if_asked
    ],
    ids=lambda one: one.name,
)


def only_carried(record: Record, format_: Format) -> Record:
    """What a format leaves of a record: input goes into the instruction where it has no place."""
    carried = format_.carries | format_.carries_if_asked
    if "input" not in carried:
        record = replace(record, instruction=record.request, input="")
    return replace(
        record,
        system=record.system if "system" in carried else "",
        history=record.history if "history" in carried else (),
        is_classification=record.is_classification if "is_classification" in carried else None,
    )


def test_the_formats_are_known_by_their_names() -> None:
    # `test_docs.py` compares the names with the table that users read.
    assert all(format_named(name).name == name for name in FORMATS)


def test_an_unknown_format_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput) as refused:
        format_named("xml")

    assert "'xml'" in str(refused.value.faults[0])
    assert all(name in str(refused.value) for name in FORMATS)


@formats
def test_its_bytes_are_the_golden_ones(format_: Format) -> None:
    written = as_bytes(format_, GOLDEN)

    if format_.name == "parquet":
        # The file names its writer's version, so only its content can be the same for ever.
        assert as_bytes(format_, GOLDEN) == written
    else:
        golden = GOLDEN_FILES / (format_.name + format_.suffix)
        check_golden(golden, written)
    assert read(format_, written) == [only_carried(record, format_) for record in GOLDEN]


def test_no_golden_file_is_left_over() -> None:
    names = {path.stem.removesuffix("_chats") for path in GOLDEN_FILES.glob("[!.]*")}
    assert names == set(FORMATS) - {"parquet"}


@pytest.mark.parametrize("name", ["jsonl", "messages", "sharegpt"])
def test_the_bytes_of_chats_are_the_golden_ones(name: str) -> None:
    format_ = FORMATS[name]
    written = as_bytes(format_, CHATS)

    assert written == (GOLDEN_FILES / f"{name}_chats{format_.suffix}").read_bytes()
    assert read(format_, written) == [only_carried(record, format_) for record in CHATS]


@formats
@unhurried
@given(records=RECORDS)
def test_what_it_carries_is_read_back(format_: Format, records: list[Record]) -> None:
    carried = [only_carried(record, format_) for record in records]

    assert read(format_, as_bytes(format_, carried, WITH_ALL)) == carried


@pairs
@unhurried
@given(records=RECORDS)
def test_a_pair_that_can_carry_the_same_goes_there_and_back(
    first: Format, second: Format, records: list[Record]
) -> None:
    carried = [only_carried(record, first) for record in records]
    there = read(first, as_bytes(first, carried, WITH_ALL))
    second_bytes = as_bytes(second, [r for r in there if isinstance(r, Record)], WITH_ALL)
    middle = [r for r in read(second, second_bytes) if isinstance(r, Record)]

    assert read(first, as_bytes(first, middle, WITH_ALL)) == carried


def test_there_are_such_pairs_of_every_format() -> None:
    (mark,) = [pairs.mark]
    ((_, cases),) = [mark.args]
    assert {one.name for pair in cases for one in pair} == set(FORMATS)
    assert len(cases) >= 20


@formats
def test_rows_are_numbered_as_the_file_has_them(format_: Format) -> None:
    rows = list(format_.rows(io.BytesIO(as_bytes(format_, GOLDEN))))

    assert [number for number, _ in rows] == [1, 2, 3, 4]
    assert [row for _, row in rows] == read(format_, as_bytes(format_, GOLDEN))


@formats
def test_an_empty_data_set_is_a_whole_file(format_: Format) -> None:
    assert read(format_, as_bytes(format_, [])) == []


@formats
@pytest.mark.parametrize("options", [WriteOptions(), WITH_CHATS], ids=["plain", "chat_columns"])
def test_what_it_has_no_place_for_is_reported_before_and_refused(
    format_: Format, options: WriteOptions
) -> None:
    chat = CHATS[0]
    lost = format_.lost(chat, options)
    places = format_.carries | format_.merges
    places |= format_.carries_if_asked & options.added_columns

    assert lost == [name for name in FIELDS if name not in places | MARK_COLUMN]
    if not lost:
        assert as_bytes(format_, [chat], options)
        return
    with pytest.raises(InvalidInput) as refused:
        format_.write([GOLDEN[0], chat], io.BytesIO(), options)
    (fault,) = refused.value.faults
    assert "record 2 has system and history" in fault.message
    assert "jsonl" in fault.message


MARKS = (Record("a", "b", is_classification=True), Record("c", "d", is_classification=False))


@formats
def test_marks_are_read_back_where_a_format_keeps_them(format_: Format) -> None:
    for options in (WriteOptions(), WITH_ALL):
        kept = [row.is_classification for row in read(format_, as_bytes(format_, MARKS, options))
                if isinstance(row, Record)]  # fmt: skip
        assert kept == ([True, False] if format_.keeps_marks(options) else [None, None])
    by_default = {name for name, one in FORMATS.items() if one.keeps_marks()}
    if_asked = {name for name, one in FORMATS.items() if one.keeps_marks(WITH_ALL)}
    assert (by_default, if_asked - by_default) == (
        {"jsonl"},
        {"alpaca", "alpaca_jsonl", "csv", "parquet"},
    )


def test_nothing_is_lost_of_a_record_without_chat_or_input() -> None:
    assert [one.lost(GOLDEN[0]) for one in FORMATS.values()] == [[]] * len(FORMATS)


@formats
def test_half_a_surrogate_pair_is_refused_when_written(format_: Format) -> None:
    with pytest.raises(InvalidInput) as refused:
        as_bytes(format_, [Record("a", "b\ud800")])
    assert "surrogate" in str(refused.value.faults[0])


@formats
def test_an_option_that_it_does_not_have_is_refused_at_once(format_: Format) -> None:
    wrong = ReadOptions(
        columns=None if format_.takes_columns else {"output": "o"},
        vicuna=None if format_.takes_vicuna else VicunaOptions(),
    )
    with pytest.raises(InvalidInput) as refused:
        format_.read(io.BytesIO(), wrong)
    assert [f.field for f in refused.value.faults] == [
        field
        for field, takes in (("columns", format_.takes_columns), ("vicuna", format_.takes_vicuna))
        if not takes
    ]


class _Sink(io.RawIOBase):
    """Keeps a hash and no bytes."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        view = memoryview(data)  # type: ignore[arg-type]  # BufferedWriter gives bytes-like only
        self.digest.update(view)
        return view.nbytes


def _rows(count: int) -> Iterator[Record]:
    return (Record(f"Say {n}.", f"{n} " * 20, "" if n % 3 else f"n is {n}") for n in range(count))


def _peak_of_writing(format_: Format, rows: int) -> int:
    tracemalloc.start()
    with io.BufferedWriter(_Sink()) as sink:
        format_.write(_rows(rows), sink)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FORMATS if name != "parquet"])
def test_it_is_written_and_read_in_constant_memory(name: str, tmp_path: Path) -> None:
    # Parquet fills row groups, whose memory is Arrow's; the benchmark measures it from outside.
    format_ = FORMATS[name]
    path = tmp_path / "rows"
    with path.open("wb") as sink:
        format_.write(_rows(8_000), sink)
    tracemalloc.start()
    with path.open("rb") as source:
        count = sum(isinstance(row, Record) for row in format_.read(source))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert count == 8_000
    assert path.stat().st_size > 500_000
    # A list is cut out of pieces of 1 MiB, of which a few are there at once.
    assert peak < 4_000_000 if format_.suffix == ".json" else peak < 200_000
    assert _peak_of_writing(format_, 8_000) < _peak_of_writing(format_, 2_000) + 100_000


@formats
def test_rows_that_come_one_by_one_are_written_one_by_one(format_: Format) -> None:
    taken: list[int] = []

    class Stop(Exception):
        pass

    def rows() -> Iterator[Record]:
        for number, record in enumerate(_rows(10_001)):
            taken.append(number)
            yield record
        raise Stop

    sink = io.BytesIO()
    with pytest.raises(Stop):
        format_.write(rows(), sink)
    assert len(taken) == 10_001
    # Most of it was there before the last row came.
    assert len(sink.getvalue()) > 50_000


_NO_FILES = [b"", b"\x00", b"[", b"{", b"\xff\xfe[\x00", b"PAR1", b'"', b"a,b\n1,2", b"[{}]"]


@formats
@pytest.mark.parametrize("data", _NO_FILES)
def test_what_is_no_such_file_is_a_clear_problem_and_never_a_crash(
    format_: Format, data: bytes
) -> None:
    rows: list[Record | Unreadable] = []
    with suppress(InvalidInput):
        rows = read(format_, data)
    assert all(isinstance(row, Unreadable) and row.detail for row in rows)


@formats
@unhurried
@given(data=st.binary(max_size=60))
def test_no_bytes_make_reading_crash(format_: Format, data: bytes) -> None:
    with suppress(InvalidInput):
        read(format_, data)


def test_no_two_formats_share_the_name_of_an_option() -> None:
    kinds = {one.write_options for one in FORMATS.values()}
    names = [name for kind in kinds for name in vars(kind).get("__annotations__", {})]
    assert sorted(names) == sorted(EVERY_WRITE_OPTION.model_fields)
    assert len(set(names)) == len(names)


def test_every_option_says_what_it_is_for() -> None:
    assert all(field.description for field in EVERY_WRITE_OPTION.model_fields.values())


def test_a_format_takes_its_own_options_out_of_text_and_ignores_the_others() -> None:
    given = {"templates": "true", "random_seed": "7", "chat_columns": "true", "format": "csv"}
    pairs = options_of(FORMATS["prompt_completion"], given)
    assert pairs == PromptCompletionOptions(templates=True, random_seed=7)
    assert options_of(FORMATS["parquet"], given) == ParquetOptions(chat_columns=True)
    assert options_of(FORMATS["csv"], given) == CsvOptions()
    assert options_of(FORMATS["messages"], given) == WriteOptions()


@pytest.mark.parametrize("seed", ["-1", "many"])
def test_an_option_that_is_out_of_range_is_refused_by_its_name(seed: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        options_of(FORMATS["prompt_completion"], {"random_seed": seed})
    assert [fault.field for fault in refused.value.faults] == ["random_seed"]


def test_the_options_that_change_a_file_are_part_of_its_name() -> None:
    assert PromptCompletionOptions(templates=True, random_seed=7).file_part == "templates7"
    assert PromptCompletionOptions(random_seed=7).file_part == ""
    assert ParquetOptions(chat_columns=True).file_part == "chat"
    assert TableOptions(classification_column=True).file_part == "classification"
    assert WITH_ALL.file_part == "chat.classification"
    assert WriteOptions().file_part == ""
