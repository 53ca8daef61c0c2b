"""Each fault of a seed set is named by its line and field; what is right is read unchanged."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.errors import Fault, InvalidInput
from app.pipeline.seed_tasks import read_seed_tasks, seed_tasks_from_json
from app.pipeline.types import Instance, SeedTask

BUNDLED = Path(__file__).parents[3] / "seed_tasks" / "seed_tasks.jsonl"
MISSING = object()


def task(number: int = 1, **changed: Any) -> dict[str, Any]:
    """A right task; `Any` because tests put anything into it, and MISSING takes a field away."""
    fields = {
        "id": f"task_{number}",
        "name": f"name_{number}",
        "instruction": f"Count to {number}.",
        "instances": [{"input": "", "output": "1"}],
        "is_classification": False,
        **changed,
    }
    return {name: value for name, value in fields.items() if value is not MISSING}


def lines(*tasks: object) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in tasks).encode()


def faults_of(data: bytes) -> list[Fault]:
    with pytest.raises(InvalidInput) as raised:
        read_seed_tasks(data)
    return list(raised.value.faults)


def faults_in_json(*tasks: object) -> list[Fault]:
    with pytest.raises(InvalidInput) as raised:
        seed_tasks_from_json(tasks)
    return list(raised.value.faults)


def test_a_seed_set_is_read_in_its_order_with_all_its_fields() -> None:
    given = task(
        instances=[{"input": " a\n", "output": " b "}, {"input": "", "output": "é\u2028"}],
        is_classification=True,
    )

    assert read_seed_tasks(lines(given, task(2))) == (
        SeedTask(
            "task_1",
            "name_1",
            "Count to 1.",
            (Instance(" a\n", " b "), Instance("", "é\u2028")),
            True,
        ),
        SeedTask("task_2", "name_2", "Count to 2.", (Instance("", "1"),), False),
    )


def test_a_line_in_the_originals_shape_loads_unchanged() -> None:
    line = (
        b'{"id": "seed_task_5", "name": "sentiment_of_a_line", "instruction": "Is the line glad'
        b' or sad?", "instances": [{"input": "- What a day!\\n- \\u201cYes\\u201d", "output":'
        b' "glad"}], "is_classification": true}\n'
    )

    (read,) = read_seed_tasks(line)

    assert read == SeedTask(
        "seed_task_5",
        "sentiment_of_a_line",
        "Is the line glad or sad?",
        (Instance("- What a day!\n- “Yes”", "glad"),),
        True,
    )


def test_the_bundled_seed_tasks_load() -> None:
    read = read_seed_tasks(BUNDLED.read_bytes())

    rows = [json.loads(line) for line in BUNDLED.read_text(encoding="utf-8").splitlines()]
    assert len(read) == len(rows) >= 175
    assert [one.instruction for one in read] == [row["instruction"] for row in rows]


def test_tasks_in_a_json_body_are_read_as_in_lines() -> None:
    assert seed_tasks_from_json([task(1), task(2)]) == read_seed_tasks(lines(task(1), task(2)))


def test_fields_beyond_the_known_ones_do_not_matter() -> None:
    assert read_seed_tasks(lines(task(source="by hand", difficulty=3)))[0].id == "task_1"


def test_a_task_without_id_and_name_is_named_after_its_line() -> None:
    read = read_seed_tasks(b"\n" + lines(task(id=MISSING, name=MISSING)))

    assert (read[0].id, read[0].name) == ("seed_2", "seed_2")


def test_white_space_around_an_instruction_is_cut() -> None:
    assert read_seed_tasks(lines(task(instruction=" Count.\n")))[0].instruction == "Count."


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + lines(task(1), task(2)),
        lines(task(1), task(2)).replace(b"\n", b"\r\n"),
        lines(task(1)) + b"\n \t\n\r\n" + lines(task(2)) + b"\n\n",
        lines(task(1), task(2)).rstrip(b"\n"),
    ],
    ids=["byte order mark", "CRLF", "blank lines", "no newline at the end"],
)
def test_the_ways_editors_write_lines_are_all_read(data: bytes) -> None:
    assert [one.id for one in read_seed_tasks(data)] == ["task_1", "task_2"]


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"instruction": MISSING}, Fault("is missing", 1, "instruction")),
        ({"instruction": ""}, Fault("is empty", 1, "instruction")),
        ({"instruction": " \n"}, Fault("is empty", 1, "instruction")),
        ({"instruction": None}, Fault("must be text, not null", 1, "instruction")),
        ({"instruction": 5}, Fault("must be text, not a number", 1, "instruction")),
        ({"instruction": 1e999}, Fault("must be text, not a number", 1, "instruction")),
        ({"instruction": ["a"]}, Fault("must be text, not a list", 1, "instruction")),
        ({"instruction": {"a": 1}}, Fault("must be text, not an object", 1, "instruction")),
        ({"instruction": True}, Fault("must be text, not true or false", 1, "instruction")),
        ({"id": 5}, Fault("must be text, not a number", 1, "id")),
        ({"id": ""}, Fault("is empty", 1, "id")),
        ({"name": None}, Fault("must be text, not null", 1, "name")),
        ({"name": "\x00"}, Fault("has a NUL byte in it", 1, "name")),
        ({"is_classification": MISSING}, Fault("is missing", 1, "is_classification")),
        (
            {"is_classification": "no"},
            Fault("must be true or false, not text", 1, "is_classification"),
        ),
        (
            {"is_classification": 0},
            Fault("must be true or false, not a number", 1, "is_classification"),
        ),
        ({"instances": MISSING}, Fault("is missing", 1, "instances")),
        ({"instances": []}, Fault("has no instance", 1, "instances")),
        (
            {"instances": {"input": "", "output": "1"}},
            Fault("must be a list of objects with input and output, not an object", 1, "instances"),
        ),
        ({"instances": ["a"]}, Fault("an instance is a JSON object", 1, "instances[0]")),
        ({"instances": [{"input": ""}]}, Fault("is missing", 1, "instances[0].output")),
        ({"instances": [{"output": "1"}]}, Fault("is missing", 1, "instances[0].input")),
        (
            {"instances": [{"input": "", "output": " "}]},
            Fault("is empty", 1, "instances[0].output"),
        ),
        (
            {"instances": [{"input": "", "output": "1"}, {"input": None, "output": "1"}]},
            Fault("must be text, not null", 1, "instances[1].input"),
        ),
        ({"instruction": "Count\x00."}, Fault("has a NUL byte in it", 1, "instruction")),
        (
            {"instances": [{"input": "\x00", "output": "1"}]},
            Fault("has a NUL byte in it", 1, "instances[0].input"),
        ),
        (
            {"instruction": "Count \ud800."},
            Fault("has half of a surrogate pair in it", 1, "instruction"),
        ),
        (
            {"instances": [{"input": "", "output": "\udfff"}]},
            Fault("has half of a surrogate pair in it", 1, "instances[0].output"),
        ),
    ],
)
def test_a_fault_names_its_line_and_field(changed: dict[str, Any], fault: Fault) -> None:
    assert faults_of(lines(task(**changed))) == [fault]
    assert faults_in_json(task(**changed)) == [fault]


@pytest.mark.parametrize("value", [None, 5, "text", [], [task()], True])
def test_a_line_that_is_no_object_is_a_fault(value: object) -> None:
    assert faults_of(lines(value, task())) == [Fault("a seed task is a JSON object", 1)]


def test_both_halves_of_a_surrogate_pair_are_one_character() -> None:
    line = lines(task()).replace(b"Count", b"\\ud83d\\ude80")

    assert read_seed_tasks(line)[0].instruction == "🚀 to 1."


@pytest.mark.parametrize(
    ("again", "field"),
    [
        (task(2, id="task_1"), "id"),
        (task(2, instruction="Count to 1."), "instruction"),
        (task(2, instruction=" Count  to\n1. "), "instruction"),
    ],
)
def test_a_repeated_id_or_instruction_names_the_line_it_repeats(
    again: dict[str, Any], field: str
) -> None:
    data = b"\n" + lines(task(1), task(3), again)

    assert faults_of(data) == [Fault("repeats line 2", 4, field)]


def test_a_repeated_name_is_no_fault() -> None:
    assert len(read_seed_tasks(lines(task(1), task(2, name="name_1")))) == 2


def test_all_faults_of_all_lines_are_named_at_once() -> None:
    data = b"".join(
        [
            lines(task(1, instruction="", is_classification=1)),
            b"{not json\n",
            lines(task(2)),
            b'{"instruction": "\xff"}\n',
            lines(task(3, instances=[{"input": 1}, 2])),
            lines(task(4, id="task_2")),
        ]
    )

    named = [(fault.line, fault.field) for fault in faults_of(data)]

    assert named == [
        (1, "instruction"),
        (1, "is_classification"),
        (2, None),
        (4, None),
        (5, "instances[0].input"),
        (5, "instances[0].output"),
        (5, "instances[1]"),
        (6, "id"),
    ]


def test_faults_read_as_one_line_each() -> None:
    data = lines(task(1, instruction="")) + b'{"id": "a"\n'

    assert [str(fault) for fault in faults_of(data)] == [
        "line 1: instruction: is empty",
        "line 2: not JSON: Expecting ',' delimiter at column 11",
    ]


@pytest.mark.parametrize(
    "written",
    [
        json.dumps,
        lambda tasks: json.dumps(tasks, indent=2),
        lambda tasks: "\n\n  " + json.dumps(tasks, indent="\t").replace("\n", "\r\n"),
        lambda tasks: "\ufeff" + json.dumps(tasks, ensure_ascii=False),
        lambda tasks: "[\n" + ",\n".join(json.dumps(task) for task in tasks) + "\n]\n",
    ],
    ids=["one line", "pretty", "tabs and blank lines", "byte order mark", "a task a line"],
)
def test_a_json_list_is_read_as_the_lines_would_be(written: Callable[[Any], str]) -> None:
    tasks = [task(id="a"), task(id="b", instruction="Name a river \u00fc any.")]
    assert read_seed_tasks(written(tasks).encode()) == read_seed_tasks(lines(*tasks))


def test_a_fault_in_a_json_list_names_the_place_of_its_task() -> None:
    broken = [task(id="a"), task(id="b", instruction=""), 7, task(id="a", instruction="Other.")]
    found = faults_of(json.dumps(broken, indent=1).encode())
    assert found == [
        Fault("is empty", field="[1].instruction"),
        Fault("a seed task is a JSON object", field="[2]"),
        Fault("repeats task [0]", field="[3].id"),
    ]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'[{"instruction": "a"},', "at line 1, column 23"),
        (b'[\n  {"instruction": "a"}\n  {"instruction": "b"}\n]', "at line 3, column 3"),
        (b'[{"a": "\xff"}]', "not UTF-8 at byte 9"),
        (b"[{}," + b"[" * 200_000, "nested too deep"),
        (b'[{"a": ' + b"9" * 10_000 + b"}]", "a number is too long"),
    ],
    ids=["cut off", "no comma", "not UTF-8", "deep", "a long number"],
)
def test_a_list_that_is_no_json_says_where(data: bytes, says: str) -> None:
    (fault,) = faults_of(data)
    assert says in fault.message


@pytest.mark.parametrize("as_list", [True, False], ids=["list", "lines"])
def test_rows_are_told_all_that_they_lack_at_once(*, as_list: bool) -> None:
    rows = [{"instruction": f"Do {n}.", "input": ""} for n in range(60)]
    found = faults_of(json.dumps(rows).encode() if as_list else lines(*rows))
    assert found == [
        Fault("is missing in all 60 tasks", field="instances"),
        Fault("is missing in all 60 tasks", field="is_classification"),
    ]


def test_a_field_that_some_tasks_have_is_missed_task_by_task() -> None:
    rows = [task(id="a"), {"instruction": "x"}, {"instruction": "y"}]
    assert [fault.line for fault in faults_of(lines(*rows))] == [2, 2, 3, 3]
