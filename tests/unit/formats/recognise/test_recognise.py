"""Formats recognised by content: what we write, what public data sets hold, what is refused."""

import io
import json
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from app.dataset_row import Record
from app.errors import InvalidInput
from app.formats.formats import FORMATS, Format
from app.formats.options import READ_PLAINLY, ParquetOptions, ReadOptions, VicunaOptions
from app.formats.recognise.recognise import format_of
from tests.unit.formats.making import CHATS, GOLDEN, as_bytes, read

ASKED, SAID = {"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}
USER, ANSWER = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}
RECORD = Record("q", "a")


def recognised(data: bytes, options: ReadOptions = READ_PLAINLY) -> str:
    return format_of(io.BytesIO(data), options)


def lines(*rows: Any) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def table(**columns: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


@pytest.mark.parametrize("format_", FORMATS.values(), ids=lambda one: one.name)
def test_every_format_that_we_write_is_recognised_and_read_again(format_: Format) -> None:
    records = [*GOLDEN, *CHATS] if format_.lost(CHATS[0]) == [] else list(GOLDEN)
    if "input" in format_.merges:
        records = [replace(one, instruction=one.request, input="") for one in records]
    data = as_bytes(format_, records)
    assert recognised(data) == format_.name
    assert read(FORMATS[recognised(data)], data) == records


def test_parquet_with_chats_is_recognised() -> None:
    data = as_bytes(FORMATS["parquet"], CHATS, ParquetOptions(chat_columns=True))
    assert read(FORMATS[recognised(data)], data) == list(CHATS)


# Rows as the public data sets have them.
PUBLIC: list[tuple[str, bytes, str]] = [
    ("ShareGPT52K", json.dumps([{"id": "1", "conversations": [ASKED, SAID]}]).encode(), "sharegpt"),
    ("UltraChat 200k", lines({"prompt": "q", "prompt_id": "1", "messages": [USER, ANSWER]}),
     "messages"),
    ("UltraChat", lines({"id": "0", "data": ["q", "a"]}), "sharegpt"),
    ("OpenHermes 2.5", json.dumps([{"conversations": [
        {**ASKED, "weight": None}, {**SAID, "weight": None}], "source": "x", "idx": None,
        "system_prompt": None}]).encode(), "sharegpt"),
    ("SlimOrca", lines({"conversations": [{**ASKED, "weight": 0.0}, {**SAID, "weight": 1.0}]}),
     "sharegpt"),
    ("LIMA", lines({"conversations": ["q", "a"], "source": "stackexchange"}), "messages"),
    ("No Robots", lines({"prompt": "q", "prompt_id": "1", "messages": [USER, ANSWER],
     "category": "Open QA"}), "messages"),
    ("WizardLM 70k", json.dumps([{"instruction": "q", "output": "a"}]).encode(), "alpaca"),
    ("WizardLM 196k", lines({"idx": "1", "conversations": [ASKED, SAID]}), "sharegpt"),
    ("Code Alpaca", json.dumps([{"instruction": "q", "input": "", "output": "a"}], indent=4)
     .encode(), "alpaca"),
    ("BELLE", lines({"instruction": "q", "input": "", "output": "a"}), "alpaca_jsonl"),
    ("BELLE 3.5M", lines({"id": "1", "conversations": [ASKED, {"from": "assistant", "value": "a"}]
     }), "sharegpt"),
    ("Capybara", lines({"source": "x", "conversation": [{"input": "q", "output": "a"}]}),
     "messages"),
    ("WildChat", lines({"conversation": [USER, {**ANSWER, "toxic": False}], "model": "m"}),
     "messages"),
    ("Tulu 3", table(id=["1"], messages=[[USER, ANSWER]], source=["x"]), "parquet"),
    ("Magpie", table(instruction=["q"], response=["a"], conversations=[[ASKED, SAID]]), "parquet"),
    ("OpenThoughts", lines({"system": "", "conversations": [{"from": "user", "value": "q"},
     {"from": "assistant", "value": "a"}]}), "sharegpt"),
    ("Gemini", lines({"contents": [{"role": "user", "parts": [{"text": "q"}]},
     {"role": "model", "parts": [{"text": "a"}]}]}), "messages"),
    ("Bedrock", lines({"system": [{"text": ""}], "messages": [USER, ANSWER]}), "messages"),
    ("Self-Instruct", lines({"instruction": "q", "instances": [{"input": "", "output": "a"}]}),
     "alpaca_jsonl"),
    ("TRL", lines({"prompt": [USER], "completion": [ANSWER]}), "prompt_completion"),
    ("TRL table", table(prompt=[[USER]], completion=[[ANSWER]]), "parquet"),
    ("pairs table", table(prompt=["q"], completion=["a"]), "parquet"),
    ("UltraChat table", table(id=["1"], data=[["q", "a"]]), "parquet"),
    ("texts in a table", table(messages=[json.dumps([USER, ANSWER])]), "parquet"),
    ("texts of ShareGPT", lines({"conversations": json.dumps([ASKED, SAID])}), "sharegpt"),
    ("texts in CSV", (b'messages\n"[{""role"":""user"",""content"":""q""},'
     b'{""role"":""assistant"",""content"":""a""}]"\n'), "csv"),
    ("Firefly chats", lines({"id": 1, "conversation": [{"human": "q", "assistant": "a"}]}),
     "messages"),
    ("dialogs", lines({"dialog": [USER, ANSWER]}), "messages"),
    ("dots", table(instruction=["q"], output=["a"], **{"a.b": ["x"]}), "parquet"),
    ("prompts", lines({"prompt": "q", "completion": "a"}), "prompt_completion"),
    ("CSV", b"instruction;input;output\nq;;a\n", "csv"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "expected"), PUBLIC, ids=lambda one: str(one)[:20])
def test_public_data_sets_are_recognised_and_read(name: str, data: bytes, expected: str) -> None:
    assert recognised(data) == expected, name
    assert read(FORMATS[expected], data) == [RECORD]


REFUSED: list[tuple[str, bytes, str]] = [
    ("Dolly", lines({"instruction": "q", "context": "c", "response": "a", "category": "x"}),
     """--columns '{"output": "response", "input": "context"}'"""),
    ("Firefly", lines({"kind": "NLI", "input": "q", "target": "a"}),
     """--columns '{"instruction": "input", "output": "target", "input": null}'"""),
    ("OpenOrca", lines({"id": "1", "system_prompt": "s", "question": "q", "response": "a"}),
     '"system": "system_prompt"'),
    ("GSM8K", table(question=["q"], answer=["a"]), '"instruction": "question"'),
    ("OpenAssistant trees", lines({"message_tree_id": "1", "prompt": {"message_id": "1",
     "text": "q", "replies": [{"message_id": "2", "text": "a", "replies": []}]}}), "tree"),
    ("OpenAssistant table", table(message_id=["1"], parent_id=["0"], text=["q"]), "tree"),
    ("FLAN", lines({"inputs": "q", "targets": "a"}), '"instruction": "inputs"'),
    ("xLAM", lines({"id": 0, "query": "q", "answers": "[]", "tools": "[]"}),
     '"instruction": "query"'),
    ("Axolotl segments", lines({"segments": [{"label": True, "text": "a"}]}), "segments"),
    ("SHP", lines({"history": "q", "human_ref_A": "a", "human_ref_B": "b"}), "pairs of answers"),
    ("marks", lines({"prompt": "q", "completion": "a", "desirable": True}), "KTO"),
    ("win", lines({"prompt": "q", "win": "a", "lose": "b"}), "pairs of answers"),
    ("accepted", lines({"prompt": "q", "accepted": "a", "rejected": "b"}), "pairs of answers"),
    ("chosen alone", lines({"prompt": "q", "chosen": "a"}), '"output": "chosen"'),
    ("steps", lines({"prompt": "q", "completions": ["a", "b"], "labels": [True, False]}),
     "ranked"),
    ("splits", json.dumps({"data": {"train": [{"instruction": "q", "output": "a"}],
     "test": [{"instruction": "r", "output": "b"}]}}).encode(), "'test'"),
    ("one row under a key", json.dumps({"0": {"instruction": "q", "output": "a"}}).encode(),
     "objects under keys"),
    ("chats under keys", json.dumps({k: {"messages": [USER, ANSWER]} for k in "ab"}).encode(),
     "objects under keys"),
    ("OpenAssistant", lines({"message_id": "1", "parent_id": None, "role": "prompter",
     "text": "q"}), "tree"),
    ("Guanaco", lines({"text": "### Human: q### Assistant: a"}), "no pair"),
    ("HH-RLHF", lines({"chosen": "a", "rejected": "b"}), "pairs of answers"),
    ("UltraFeedback", table(prompt=["q"], chosen=[[USER, ANSWER]], rejected=[[USER, ANSWER]]),
     "pairs of answers"),
    ("DPO", lines({"conversations": [ASKED], "chosen": SAID, "rejected": SAID}), "pairs of"),
    ("Nectar", lines({"prompt": "q", "answers": [{"answer": "a", "rank": 1.0},
     {"answer": "b", "rank": 2.0}]}), "ranked"),
    ("Alpaca comparison", json.dumps([{"instruction": "q", "output": ["a", "b"]}]).encode(),
     "ranked"),
    ("KTO", lines({"prompt": "q", "completion": "a", "label": True}), "KTO"),
    ("KTO tags", lines({"instruction": "q", "output": "a", "kto_tag": False}), "KTO"),
    ("KTO chats", lines({"messages": [USER, ANSWER], "label": True}), "KTO"),
    ("KTO table", table(prompt=["q"], completion=["a"], label=[True]), "KTO"),
    ("both", lines({"instruction": "q", "output": "a", "messages": [USER, ANSWER]}),
     "messages or alpaca"),
    ("text", b"Say hello.\nSay goodbye.\n", "no format fits"),
    ("empty", b"", "no format fits"),
    ("header", b"question,reply,note\nq,a,n\n", '"output": "reply"'),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "words"), REFUSED, ids=lambda one: str(one)[:20])
def test_what_is_not_clear_is_refused_with_the_reason(name: str, data: bytes, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        recognised(data)
    assert words in refused.value.faults[0].message, name


def test_options_say_which_shape_is_meant() -> None:
    mapping = ReadOptions(columns={"instruction": "question", "output": "answer", "input": None})
    data = lines({"question": "q", "answer": "a"})
    assert recognised(data, mapping) == "alpaca_jsonl"
    assert recognised(b"question;answer\nq;a\n", mapping) == "csv"
    chats = json.dumps([{"conversations": [ASKED, SAID]}]).encode()
    assert recognised(chats, ReadOptions(vicuna=VicunaOptions())) == "sharegpt"
