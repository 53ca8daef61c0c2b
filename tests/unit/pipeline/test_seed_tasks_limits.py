"""A seed set that is too much, or is no text at all, is refused and never raises otherwise."""

import json
from collections.abc import Callable

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.errors import Fault, InvalidInput
from app.pipeline.seed_files import TO_UTF8
from app.pipeline.seed_tasks import read_seed_tasks, seed_tasks_from_json
from app.pipeline.types import SeedTask

LINE = (
    '{"instruction": "Count to %d.", "instances": [{"input": "", "output": "1"}],'
    ' "is_classification": false}\n'
)


def lines(count: int) -> bytes:
    return "".join(LINE % n for n in range(count)).encode()


def faults_of(data: bytes) -> list[Fault]:
    with pytest.raises(InvalidInput) as raised:
        read_seed_tasks(data)
    return list(raised.value.faults)


@pytest.mark.parametrize("data", [b"", b"\n", b"\r\n \t\n", b"\n" * 10_000])
def test_a_seed_set_without_a_task_is_a_fault(data: bytes) -> None:
    assert faults_of(data) == [Fault("no seed task in it")]


def test_an_empty_list_in_a_json_body_is_a_fault() -> None:
    with pytest.raises(InvalidInput) as raised:
        seed_tasks_from_json([])

    assert raised.value.faults == (Fault("no seed task in it"),)


def test_fifty_thousand_tasks_are_read() -> None:
    assert len(read_seed_tasks(lines(50_000))) == 50_000


def test_one_task_more_is_a_fault() -> None:
    assert faults_of(lines(50_001)) == [Fault("more than 50,000 tasks")]


def test_fifty_million_bytes_are_read() -> None:
    one = lines(1)

    assert len(read_seed_tasks(one + b" " * (50_000_000 - len(one)))) == 1


def test_one_byte_more_is_a_fault() -> None:
    one = lines(1)

    assert faults_of(one + b" " * (50_000_001 - len(one))) == [
        Fault("50,000,001 bytes; at most 50,000,000 are taken")
    ]


def test_at_most_a_hundred_faults_are_reported() -> None:
    broken = b'{"instruction": "", "instances": [], "is_classification": 1}\n'
    faults = faults_of(broken * 1_000)

    assert len(faults) == 100
    assert {fault.line for fault in faults} == set(range(1, 35))


def test_a_line_that_is_not_utf_8_names_the_byte() -> None:
    assert faults_of(lines(1) + b'{"instruction": "\xc3("}\n') == [
        Fault(f"not UTF-8 at byte 18 of the line; {TO_UTF8}", 2)
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_another_encoding_is_a_fault_of_its_lines(encoding: str) -> None:
    faults = faults_of((LINE % 1).encode().decode().encode(encoding))

    assert "not UTF-8" in faults[0].message
    assert faults[0].line == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"garbage", "not JSON: Expecting value at column 1"),
        (b'{"a": ', "not JSON: Expecting value at column 6"),
        (b'{"a": 1} {"b": 2}', "not JSON: Extra data at column 10"),
        (b"{'a': 1}", "not JSON: Expecting property name enclosed in double quotes at column 2"),
        (b'{"a": "\x00"}', "not JSON: Invalid control character at at column 8"),
        (b"\x00\x00", "not JSON: Expecting value at column 1"),
        (b"[" * 100_000, "not JSON that can be read: nested too deep"),
        (b'{"a":' * 100_000, "not JSON that can be read: nested too deep"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "not JSON that can be read: a number is too long"),
    ],
    ids=["word", "cut", "two", "quotes", "NUL", "NULs", "lists", "objects", "digits"],
)
def test_a_broken_line_is_a_fault_that_names_it(line: bytes, message: str) -> None:
    assert faults_of(lines(1) + line + b"\n") == [Fault(message, 2)]


def test_deep_nesting_that_can_be_read_is_a_fault_of_its_field() -> None:
    nested = b"[" * 300 + b"]" * 300
    line = (LINE % 1).encode().replace(b'"Count to 1."', nested)

    assert faults_of(line) == [Fault("must be text, not a list", 1, "instruction")]


def test_a_number_of_ten_thousand_digits_in_a_float_is_a_fault_of_its_field() -> None:
    line = (LINE % 1).encode().replace(b"false", b"0." + b"9" * 10_000)

    assert faults_of(line) == [Fault("must be true or false, not a number", 1, "is_classification")]


names = st.sampled_from(
    ["id", "name", "instruction", "instances", "is_classification", "input", "output", "other"]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5),
    max_leaves=12,
)


def outcome(reading: Callable[[], tuple[SeedTask, ...]]) -> tuple[int, tuple[Fault, ...]]:
    """How many tasks were read, and what was wrong."""
    try:
        return len(reading()), ()
    except InvalidInput as error:
        return 0, error.faults


def _has_list(value: dict[str, object]) -> bool:
    return any(isinstance(part, list | dict) for part in value.values())


@settings(deadline=None)
@given(st.lists(json_values, max_size=5))
def test_any_json_is_read_or_refused_with_faults(tasks: list[object]) -> None:
    # A list in the first line, or an object around a list, can be a form of its own.
    first = tasks[0] if tasks else None
    assume(not isinstance(first, list))
    assume(not (len(tasks) == 1 and isinstance(first, dict) and _has_list(first)))
    in_lines = "".join(json.dumps(one) + "\n" for one in tasks).encode()
    count, faults = outcome(lambda: seed_tasks_from_json(tasks))

    # Rows with the same instruction are one task.
    assert (0 < count <= len(tasks)) != bool(faults)
    assert outcome(lambda: read_seed_tasks(in_lines)) == (count, faults)


@settings(deadline=None)
@given(
    st.lists(
        st.binary(max_size=20)
        | st.sampled_from([b"\n", b"{", b'"', b"}", lines(1), b"\xef\xbb\xbf"])
    ).map(b"".join)
)
def test_any_bytes_are_read_or_refused_with_faults(data: bytes) -> None:
    count, faults = outcome(lambda: read_seed_tasks(data))

    assert len(faults) <= 100
    assert (count > 0) != bool(faults)
