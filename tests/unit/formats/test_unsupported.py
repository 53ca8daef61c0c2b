"""What a record has no place for: read as what it is, refused with a reason, or counted."""

import json
from typing import Any

import pytest

from app.dataset_row import Exchange, Record
from app.errors import InvalidInput
from app.formats.foreign.passed_over import OTHERS, PassedOver
from app.formats.formats import FORMATS
from app.formats.options import ReadOptions
from tests.unit.formats.making import read, reasons

ASKED = {"role": "user", "content": "q"}
SAID = {"from": "human", "value": "q"}
PAIR = {"instruction": "q", "output": "a"}


def messages(*turns: dict[str, Any], **columns: Any) -> bytes:
    return json.dumps({"messages": [ASKED, *turns], **columns}).encode()


def answered(**fields: Any) -> bytes:
    return messages({"role": "assistant", "content": "a", **fields})


def shared(*turns: dict[str, Any], **columns: Any) -> bytes:
    return json.dumps([{"conversations": [SAID, *turns], **columns}]).encode()


def said(name: str = "gpt", **columns: Any) -> bytes:
    return shared({"from": name, "value": "a"}, **columns)


def alpaca(**columns: Any) -> bytes:
    return json.dumps([PAIR | columns]).encode()


CALL = [{"id": "c1", "type": "function", "function": {"name": "w", "arguments": "{}"}}]
REFUSED: list[tuple[str, bytes, str]] = [
    ("messages", answered(content="", tool_calls=CALL), "tool_calls"),
    ("messages", answered(content=None, tool_calls=CALL), "tool_calls"),
    ("messages", answered(tool_calls=CALL), "tool_calls"),
    ("messages", answered(function_call={"name": "w", "arguments": "{}"}), "tool_calls"),
    ("messages", messages({"role": "tool", "content": "7", "tool_call_id": "c1"}), "tool_calls"),
    ("messages", messages({"role": "function", "name": "w", "content": "7"}), "tool_calls"),
    ("messages", answered(content=[{"type": "tool_use", "name": "w"}]), "tool_calls"),
    ("sharegpt", said("function_call"), "tool_calls"),
    ("sharegpt", said("observation"), "tool_calls"),
    ("sharegpt", said(tools='[{"name": "w"}]'), "tools"),
    ("messages", messages({"role": "assistant", "content": "a"}, tools=[{"name": "w"}]), "tools"),
    ("alpaca", alpaca(tools='[{"name": "w"}]'), "tools"),
    ("messages", answered(weight=0), "not_to_learn"),
    ("messages", answered(weight=0.0), "not_to_learn"),
    ("messages", answered(weight=0.5), "not_to_learn"),
    ("messages", answered(loss=False), "not_to_learn"),
    ("messages", answered(train=False), "not_to_learn"),
    ("messages", answered(train=0), "not_to_learn"),
    ("messages", answered(loss_mask=0), "not_to_learn"),
    ("messages", answered(mask=True), "not_to_learn"),
    ("messages", answered(train_detail=[{"begin_offset": 0, "train": False}]), "not_to_learn"),
    (
        "messages",
        messages({"role": "assistant", "content": "bad", "weight": 0}, ASKED,
                 {"role": "assistant", "content": "good", "weight": 1}),
        "not_to_learn",
    ),
    ("messages", messages({"role": "assistant", "content": "a"}, label=False), "not_to_learn"),
    ("sharegpt", said(kto_tag=False), "not_to_learn"),
    ("sharegpt", said(mask="gpt"), "not_to_learn"),
    ("alpaca", alpaca(kto_tag=False), "not_to_learn"),
    ("alpaca", alpaca(label="False"), "not_to_learn"),
    ("alpaca", alpaca(weight=0), "not_to_learn"),
    ("alpaca", alpaca(loss=False), "not_to_learn"),
    ("alpaca", alpaca(train=False), "not_to_learn"),
    ("alpaca", alpaca(mask=True), "not_to_learn"),
    ("csv", b"instruction,output,kto_tag\nq,a,False\n", "not_to_learn"),
    ("messages", answered(reasoning_content="first"), "reasoning"),
    ("messages", answered(reasoning="first"), "reasoning"),
    ("messages", answered(thinking="first"), "reasoning"),
    ("messages", answered(content=[{"type": "thinking", "thinking": "t"}]), "reasoning"),
    ("sharegpt", said(image="a.jpg"), "media"),
    ("sharegpt", said(images=["a.jpg"]), "media"),
    ("alpaca", alpaca(audios=["a.wav"]), "media"),
    ("messages", answered(images=["a.jpg"]), "media"),
    ("messages", answered(content=[{"type": "image_url", "image_url": {"url": "x"}}]), "media"),
    ("messages", answered(content=[{"type": "text", "text": "a", "image": "x"}]), "media"),
    ("messages", answered(content=[{"type": "text", "text": "a", "chart": "x"}]), "not_text"),
    ("messages", answered(content=[{"functionCall": {"name": "w"}}]), "tool_calls"),
    ("messages", answered(content=[{"toolUse": {"name": "w"}}]), "tool_calls"),
    ("messages", answered(content=[{"fileData": {"fileUri": "x"}}, {"text": "a"}]), "media"),
    ("messages", answered(content=[{"text": "a", "thought": True}]), "reasoning"),
    ("messages", answered(content='<functioncall> {"name": "w"} <|endoftext|>'), "tool_calls"),
    ("sharegpt", shared({"from": "gpt", "value": '<tool_call>\n{"name": "w"}\n</tool_call>'}),
     "tool_calls"),
    ("sharegpt", shared({"from": "gpt", "value": "Yes.\n<tool_call>\n{}\n</tool_call>\n"}),
     "tool_calls"),
    ("messages", answered(content='[TOOL_CALLS] [{"name": "w"}]'), "tool_calls"),
    ("alpaca", json.dumps([{"instruction": "q", "output": "<tool_call>{}</tool_call>"}]).encode(),
     "tool_calls"),
    *(
        ("messages", answered(**{name: value}), "not_to_learn")
        for name, value in (("training", False), ("masked", True), ("ignore", True),
                            ("do_not_train", True))
    ),
    *(
        ("alpaca", alpaca(**{name: value}), "not_to_learn")
        for name, value in (("loss_mask", 0), ("loss_weight", 0.0), ("desirable", False),
                            ("do_not_train", True), ("training", False))
    ),
    *(
        ("alpaca", alpaca(**{name: "first"}), "reasoning")
        for name in ("reasoning_text", "thought", "cot", "chain_of_thought", "think")
    ),
    *(
        ("messages", messages({"role": "assistant", "content": "a"}, **{name: [{"name": "w"}]}),
         "tools")
        for name in ("available_tools", "tool_definitions", "toolConfig")
    ),
    ("messages", answered(content="\u273fFUNCTION\u273f: w"), "tool_calls"),
    ("messages", json.dumps({"images": [{"path": "x"}], "messages": [ASKED, ASKED]}).encode(),
     "media"),
    ("messages", json.dumps({"tools": [{"name": "w"}], "messages": [ASKED, ASKED]}).encode(),
     "tools"),
    ("alpaca", alpaca(reasoning_content="first"), "reasoning"),
    ("alpaca", alpaca(thinking="first"), "reasoning"),
    ("sharegpt", said(reasoning="first"), "reasoning"),
    ("messages", json.dumps({"conversation": [{"human": "q", "assistant": "a", "loss": False}]})
     .encode(), "not_to_learn"),
    ("messages", json.dumps({"messages": "[{"}).encode(), "not_json"),
    ("messages", json.dumps({"conversations": ["q"]}).encode(), "no_answer"),
    ("prompt_completion", json.dumps({"prompt": [ASKED], "completion": "a"}).encode(), "not_text"),
    ("prompt_completion", json.dumps({"prompt": [ASKED], "completion": [
        {"role": "assistant", "content": "a"}], "tools": [{"name": "w"}]}).encode(), "tools"),
    ("alpaca", json.dumps([{"instruction": "q", "instances": []}]).encode(), "missing_column"),
    ("alpaca", json.dumps([{"instruction": "q", "instances": ["a"]}]).encode(), "not_object"),
    ("messages", answered(content=[{"type": "chart", "text": "a"}]), "not_text"),
    ("messages", answered(content=[]), "not_text"),
    ("messages", answered(value="another"), "ambiguous_turn"),
    ("messages", answered(**{"from": "human"}), "ambiguous_turn"),
    ("sharegpt", json.dumps([{"conversations": [
        {"from": "system", "value": "s"}, SAID, {"from": "gpt", "value": "a"}],
        "system": "t"}]).encode(), "two_systems"),
    ("sharegpt", said(system=7), "not_text"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "reason"), REFUSED, ids=str)
def test_what_a_record_cannot_hold_is_refused(name: str, data: bytes, reason: str) -> None:
    assert reasons(read(FORMATS[name], data)) == [reason]


READ: list[tuple[str, bytes, Record]] = [
    ("sharegpt", said(system="s", tools=""), Record("q", "a", system="s")),
    ("sharegpt", said(system="s", tools="[]"), Record("q", "a", system="s")),
    ("sharegpt", said(system=None, images=[]), Record("q", "a")),
    ("sharegpt", said(system_prompt="s"), Record("q", "a", system="s")),
    ("messages", messages({"role": "assistant", "content": "a"}, system="s"),
     Record("q", "a", system="s")),
    ("sharegpt", json.dumps([{"conversations": [{"from": "system", "value": "s "}, SAID,
     {"from": "gpt", "value": "a"}], "system": "s"}]).encode(), Record("q", "a", system="s ")),
    ("alpaca", alpaca(system="s", history=[["u", "v"]]),
     Record("q", "a", system="s", history=(Exchange("u", "v"),))),
    ("messages", answered(weight=1, loss=True, train=True, mask=False), Record("q", "a")),
    ("messages", json.dumps({"messages": [{**ASKED, "weight": 0},
     {"role": "assistant", "content": "a", "weight": None}]}).encode(), Record("q", "a")),
    ("sharegpt", said(kto_tag=True, mask="User", label="quality:4"), Record("q", "a")),
    ("alpaca", alpaca(label=0, loss=0.0, weight=0.5), Record("q", "a")),
    ("messages", answered(content=[{"type": "text", "text": "a"}]), Record("q", "a")),
    ("messages", answered(content=["a", {"text": "b", "type": "text", "image_url": None}]),
     Record("q", "ab")),
    ("messages", answered(tool_calls=[], function_call=None, reasoning=""), Record("q", "a")),
    ("messages", messages({"role": "assistant", "content": "a"},
     system=[{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}]),
     Record("q", "a", system="s")),
    ("messages", json.dumps({"system": [{"text": "s"}], "messages": [
     {"role": "user", "content": [{"text": "q"}]},
     {"role": "assistant", "content": [{"text": "a"}]}]}).encode(), Record("q", "a", system="s")),
    ("messages", json.dumps({"systemInstruction": {"role": "system", "parts": [{"text": "s"}]},
     "contents": [{"role": "user", "parts": [{"text": "q"}]},
     {"role": "model", "parts": [{"text": "a"}]}]}).encode(), Record("q", "a", system="s")),
    ("messages", json.dumps([{"conversation": [{"system": "s", "input": "u", "output": "v"},
     {"input": "q", "output": "a"}]}]).encode(),
     Record("q", "a", system="s", history=(Exchange("u", "v"),))),
    ("messages", json.dumps({"conversation": [{"human": "q", "assistant": "a"}]}).encode(),
     Record("q", "a")),
    ("messages", json.dumps({"dialog": [{"speaker": "user", "text": "q"},
     {"speaker": "assistant", "text": "a"}]}).encode(), Record("q", "a")),
    ("messages", json.dumps({"messages": json.dumps([ASKED, {"role": "assistant", "content": "a"}])
     }).encode(), Record("q", "a")),
    ("csv", (b'id,messages\n1,"[{""role"":""user"",""content"":""q""},'
     b'{""role"":""assistant"",""content"":""a""}]"\n'), Record("q", "a")),
    ("csv", b",instruction,,output,,\n0,q,,a,,\n", Record("q", "a")),
    ("prompt_completion", json.dumps({"prompt": [{"role": "system", "content": "s"}, ASKED],
     "completion": [{"role": "assistant", "content": "a"}]}).encode(),
     Record("q", "a", system="s")),
    ("alpaca", json.dumps([{"id": "x", "instruction": "q", "is_classification": False,
     "instances": [{"input": "i", "output": "a"}]}]).encode(),
     Record("q", "a", "i", is_classification=False)),
    ("alpaca", json.dumps({"result": {"data": {"rows": [PAIR]}}, "errors": None}).encode(),
     Record("q", "a")),
    ("messages", json.dumps({"sources": [{"url": "x"}], "messages": [ASKED,
     {"role": "assistant", "content": "a"}]}).encode(), Record("q", "a")),
    ("messages", answered(content="Write `<tool_call>`, then JSON."),
     Record("q", "Write `<tool_call>`, then JSON.")),
    ("alpaca", alpaca(reasoning=True, thinking=None), Record("q", "a")),
    ("alpaca", json.dumps({"data": {"train": [PAIR]}, "size": 1}, indent=1).encode(),
     Record("q", "a")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "record"), READ, ids=str)
def test_what_a_record_can_hold_is_read(name: str, data: bytes, record: Record) -> None:
    assert read(FORMATS[name], data) == [record]


def test_a_column_of_another_meaning_can_be_ignored_or_mapped() -> None:
    tools = [PAIR | {"tools": "a hammer"}]
    data = json.dumps(tools).encode()
    assert reasons(read(FORMATS["alpaca"], data)) == ["tools"]
    counted = PassedOver()
    options = ReadOptions(ignored=frozenset({"tools"}), passed_over=counted)
    assert read(FORMATS["alpaca"], data, options) == [Record("q", "a")]
    assert counted.rows == {"tools": 1}
    mapped = ReadOptions(columns={"output": "label"})
    assert read(FORMATS["alpaca"], alpaca(label="false"), mapped) == [Record("q", "false")]


def test_calls_in_texts_are_read_on_request() -> None:
    text = "<tool_call>{}</tool_call>"
    options = ReadOptions(ignored=frozenset({"tool_calls"}))
    assert read(FORMATS["messages"], answered(content=text), options) == [Record("q", text)]


def test_columns_that_are_passed_over_are_counted_where_they_hold_something() -> None:
    rows = [
        PAIR | {"id": 1, "text": "t", "n": None},
        PAIR | {"id": 2, "text": "", "n": []},
        {"id": 3},
    ]
    turn = {"role": "assistant", "content": "a", "name": "Bob"}
    cases = {
        "alpaca": (json.dumps(rows).encode(), {"id": 2, "text": 1}),
        "csv": (b"instruction,output,x,y\nq,a,1,\nq,a,,\n", {"x": 1}),
        "messages": (messages(turn, prompt="q"), {"prompt": 1, "messages[].name": 1}),
        "sharegpt": (
            shared(turn | {"speaker": "Ann"}),
            {"conversations[].name": 1, "conversations[].speaker": 1},
        ),
        "prompt_completion": (
            json.dumps({"prompt": [ASKED], "completion": [turn], "n": 1}).encode(),
            {"completion[].name": 1, "n": 1},
        ),
    }
    for name, (data, expected) in cases.items():
        counted = PassedOver()
        read(FORMATS[name], data, ReadOptions(passed_over=counted))
        assert counted.rows == expected


def test_the_counts_do_not_grow_with_the_number_of_columns() -> None:
    counted = PassedOver()
    for number in range(300):
        counted.add([f"column {number}", "x" * 500])
    assert len(counted.rows) == 101
    assert counted.rows["x" * 100] == 300
    assert counted.rows[OTHERS] == 201


def test_numbers_are_texts_only_on_request() -> None:
    data = b'[{"instruction": 7, "output": true}, {"instruction": "q", "output": 0.5}]'
    assert reasons(read(FORMATS["alpaca"], data)) == ["not_text", "not_text"]
    as_text = ReadOptions(as_text=True)
    assert read(FORMATS["alpaca"], data, as_text) == [Record("7", "true"), Record("q", "0.5")]
    chat = ReadOptions(as_text=True)
    assert read(FORMATS["messages"], answered(content=4), chat) == [Record("q", "4")]
    large = json.dumps([{"instruction": "q", "output": 10**400}]).encode()
    assert read(FORMATS["alpaca"], large, as_text) == [Record("q", "1" + "0" * 400)]


def test_more_names_of_speakers_can_be_given() -> None:
    unknown = said("Captain")
    assert reasons(read(FORMATS["sharegpt"], unknown)) == ["unknown_role"]
    options = ReadOptions(roles={"captain": "assistant"})
    assert read(FORMATS["sharegpt"], unknown, options) == [Record("q", "a")]
    with pytest.raises(InvalidInput) as refused:
        read(FORMATS["sharegpt"], unknown, ReadOptions(roles={"captain": "boss"}))
    assert refused.value.faults[0].field == "roles"


@pytest.mark.parametrize("name", ["GPT", "bot", "model", "claude", "chatgpt", "bing", "bard"])
def test_the_names_that_collections_have_are_known(name: str) -> None:
    assert read(FORMATS["sharegpt"], said(name)) == [Record("q", "a")]
