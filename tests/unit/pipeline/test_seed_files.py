"""Every form that people keep seed tasks in is read, or refused by its name."""

import gzip
import io
import json
import zipfile

import pytest

from app.errors import Fault, InvalidInput
from app.pipeline.seed_tasks import SeedFile, read_seed_file, seed_tasks_from_json
from app.pipeline.types import Instance

TASKS = [
    {
        "id": f"t{n}",
        "instruction": f"Count to {n}.",
        "instances": [{"input": "", "output": f"{n}"}],
        "is_classification": n == 2,
    }
    for n in (1, 2)
]
ROWS = [
    {"instruction": "Count to 1.", "input": "", "output": "1"},
    {"instruction": "Say it in French, please.", "input": "bread", "output": "pain"},
    {"instruction": "Say it in French, please.", "input": "water", "output": "eau"},
]
INSTRUCTIONS = ["Count to 1.", "Say it in French, please."]


def text_of(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def read(data: bytes | str) -> SeedFile:
    return read_seed_file(data.encode() if isinstance(data, str) else data)


def refused(data: bytes | str) -> str:
    with pytest.raises(InvalidInput) as raised:
        read(data)
    return " / ".join(f"{raised.value} {fault}" for fault in raised.value.faults)


LINES = "\n".join(map(text_of, TASKS))
OWN_FORMS = {
    "JSON lines": [
        LINES,
        "\ufeff" + LINES + "\n",
        LINES.replace("\n", "\r\n\r\n"),
        "\n\n".join(json.dumps(task, indent=2) for task in TASKS),
        "\n" + json.dumps(TASKS[0], indent=1) + "\n" + text_of(TASKS[1]),
    ],
    "a JSON list": [text_of(TASKS), "\ufeff " + json.dumps(TASKS, indent=4)],
    "a JSON list in an object (seed_tasks)": [
        text_of({"seed_tasks": TASKS}),
        json.dumps({"version": 3, "tags": ["a", "b"], "seed_tasks": TASKS}, indent=2),
        text_of({"data": {"seed_tasks": TASKS}}),
    ],
    "a JSON list in an object (data)": [text_of({"data": TASKS, "licence": "mit"})],
}


def test_seed_tasks_are_read_in_every_form() -> None:
    wanted = seed_tasks_from_json(TASKS)
    for form, files in OWN_FORMS.items():
        for data in files:
            found = read(data)
            assert [task.id for task in found.tasks] == ["t1", "t2"], data
            assert [task.instances for task in found.tasks] == [t.instances for t in wanted]
            assert [task.is_classification for task in found.tasks] == [False, True]
            assert (found.form, found.notes) == (form, ())


def renamed(**names: str) -> str:
    return text_of([{names.get(name, name): text for name, text in row.items()} for row in ROWS])


TABLES = {
    "Alpaca": text_of(ROWS),
    "lines": "\n".join(map(text_of, ROWS)),
    "wrapped": text_of({"train": ROWS}),
    "with further columns": text_of(
        [{**row, "text": "Below is ...", "id": 7} for row in ROWS[:1]]
    ).removesuffix("]")
    + ", "
    + text_of(ROWS[1:]).removeprefix("["),
    "null inputs": text_of(ROWS).replace('""', "null"),
    "Dolly": renamed(input="context", output="response"),
    "prompt and completion": renamed(instruction="prompt", output="completion"),
    "question and answer": renamed(instruction="question", output="answer"),
    "CSV": "instruction,input,output\nCount to 1.,,1\n"
    '"Say it in French, please.",bread,pain\r\n"Say it in French, please.",water,eau\n\n',
    "semicolons": "\ufeffInstruction; Input ;Output\nCount to 1.;;1\n"
    "Say it in French, please.;bread;pain\nSay it in French, please.;water;eau",
    "tabs": "output\tinstruction\tinput\n1\tCount to 1.\t\npain\tSay it in French, please.\tbread\n"
    "eau\tSay it in French, please.\twater\n",
}


@pytest.mark.parametrize("name", TABLES)
def test_rows_become_tasks_and_what_is_assumed_is_said(name: str) -> None:
    found = read(TABLES[name])

    assert [task.instruction for task in found.tasks] == INSTRUCTIONS
    assert found.tasks[0].instances == (Instance("", "1"),)
    assert found.tasks[1].instances == (Instance("bread", "pain"), Instance("water", "eau"))
    assert not any(task.is_classification for task in found.tasks)
    assert "is_classification" in found.notes[-1]


def test_marks_of_rows_are_read() -> None:
    data = "instruction,output,is_classification\nIs it a fish?,no,TRUE\nCount to 3.,1 2 3,0\n"
    found = read(data)
    assert [task.is_classification for task in found.tasks] == [True, False]
    assert len(found.notes) == 1
    rows = [{**row, "is_classification": True} for row in ROWS]
    assert all(task.is_classification for task in read(text_of(rows)).tasks)


def test_faults_of_rows_name_their_line_and_column() -> None:
    data = (
        "question,answer,is_classification\nCount.,,no\n"
        "One too many.,1,no,2\n,1,no\nSay it.,It,perhaps\nSing.,La,\nSay.,Ho,no\nSay.,Ho,no\n"
        "Say.,Hi,yes\n"
    )
    with pytest.raises(InvalidInput) as raised:
        read(data)
    assert [(fault.line, fault.field) for fault in raised.value.faults] == [
        (2, "answer"),
        (3, None),
        (4, "question"),
        (5, "is_classification"),
        (6, "is_classification"),
        (8, None),
        (9, "is_classification"),
    ]
    with pytest.raises(InvalidInput) as raised:
        read(text_of([ROWS[0], {**ROWS[1], "output": 7}, ROWS[0]]))
    assert list(raised.value.faults) == [
        Fault("must be text, not a number", field="[1].output"),
        Fault("repeats task [0]", field="[2]"),
    ]


def packed() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("seeds.json", text_of(TASKS))
    return sink.getvalue()


OTHERS: dict[str, bytes | str] = {
    "plain lines of text, such as 'Write a poem about the sea.'": (
        "\nWrite a poem about the sea.\nName three rivers, and say where.\n"
    ),
    "plain lines of text, such as '- Name a river.'": "- Name a river.\n- Name a lake.",
    "a JSON list of texts": '["Name a river.", "Name a lake."]',
    "chats (columns messages)": text_of({"messages": [{"role": "user", "content": "Hi"}]}) + "\n",
    "chats (columns conversations)": text_of([{"conversations": []}, {"conversations": []}]),
    "preference rows": text_of([{"prompt": "Hi", "chosen": "a", "rejected": "b"}]),
    "choices, which would be lost": text_of([{"question": "?", "choices": [], "answer": "a"}] * 2),
    "columns prompt, question, answer": text_of([{"prompt": "p", "question": "q", "answer": "a"}]),
    "column-oriented JSON": text_of({"instruction": ["a", "b"], "output": ["c", "d"]}),
    "several lists ('train', 'test')": text_of({"train": TASKS, "test": TASKS}),
    "CSV with the columns instruction, input": "instruction,input\nCount.,3\n",
    "'input' is there twice": "instruction,input,input,output\na,b,c,d\n",
    "UTF-16": text_of(TASKS).encode("utf-16"),
    "but UTF-16": text_of(TASKS).encode("utf-16-be"),
    "UTF-32": text_of(TASKS).encode("utf-32"),
    "a gzip file": gzip.compress(text_of(TASKS).encode()),
    "a ZIP archive or an Excel file": packed(),
    "a Parquet file": b"PAR1\x15\x04",
    "a Markdown table": "| instruction | output |\n|---|---|\n| Count. | 3 |\n",
    "the key 'output' is there twice": (
        '{"instruction": "Count.", "output": "3", "output": "4", "is_classification": false}\n'
    ),
    "the key 'input' is there twice": '[{"instruction": "a", "input": "", "input": "b"}]',
    "kto_tag: says that the row is not to be learnt": text_of([ROWS[0] | {"kto_tag": False}]),
    "weight: says that the row is not to be learnt": text_of([ROWS[0] | {"weight": 0}]),
    "system: has no place in a seed task": text_of([ROWS[0] | {"system": "Be brief."}]),
    "history: has no place in a seed task": text_of([ROWS[0] | {"history": [["Hi", "Yo"]]}]),
    "tools: has no place in a seed task": text_of([ROWS[0] | {"tools": [{"name": "w"}]}]),
    "iconv -f WINDOWS-1252": "instruction,output\nName the caf\xe9.,ok\n".encode("latin-1"),
    "line 2: not UTF-8": "instruction,output\nName the caf\xe9.,ok\n".encode("latin-1"),
}


@pytest.mark.parametrize("form", OTHERS)
def test_every_other_form_is_refused_by_its_name(form: str) -> None:
    assert form in refused(OTHERS[form])
