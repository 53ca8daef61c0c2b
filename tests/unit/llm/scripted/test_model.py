"""The scripted model: its words and its replies are the same for ever."""

import hashlib
import json

from app.llm.scripted import words
from app.llm.scripted.model import reply
from app.llm.scripted.wire import ScriptedCall
from app.pipeline.prompts import template
from app.pipeline.types import Message


def test_the_words_stay_as_they_are() -> None:
    lists = {name: value for name, value in vars(words).items() if name.isupper()}
    text = json.dumps(lists, sort_keys=True)
    assert (
        hashlib.sha256(text.encode()).hexdigest()
        == "a942495ceb84403bbe29b87b7b28421397b802bdd3477473d4a52e297191de5b"
    )


CHAT = ("default/generate", "default/classify", "default/input_first", "default/output_first",
        "review/re_answer", "review/judge")  # fmt: skip
TEXT = ("paper/generate", "paper/classify", "paper/input_first", "paper/output_first",
        "alpaca/generate")  # fmt: skip
ENDS = (
    "1. Name a colour.\n2. Say a word.\nWrite 8 new tasks",
    "Task: Decide whether a line from a diary is formal or casual.",
    "Task: Name a colour and a number of your own.",
    "4. Instruction:",
)
SCHEMA = {"properties": {"answer": {"enum": ["no", "yes"]}, "other": {}}}


def a_call(system: str, text: str, **changes: object) -> ScriptedCall:
    values: dict[str, object] = {
        "n": 1,
        "endpoint": "chat" if system else "completions",
        "model": "m",
        "messages": (Message("system", system), Message("user", text)) if system else (),
        "prompt": "" if system else text,
        "parameters": {},
        "schema": None,
        "api_key": None,
    }
    return ScriptedCall(**{**values, **changes})  # type: ignore[arg-type] # by name


def beginning(name: str) -> str:
    return template(name).text.partition("$")[0]


def test_replies_to_every_kind_of_prompt_stay_as_they_are() -> None:
    replies = []
    for n in range(40):
        ends = [f"Number {n}.\n{end}" for end in ENDS]
        for parameters in ({}, {"logprobs": True}):
            for schema in (None, SCHEMA):
                for name in CHAT:
                    head = beginning(f"{name}.system")
                    replies += [
                        reply(a_call(head, end, parameters=parameters, schema=schema))
                        for end in ends
                    ]
            replies += [
                reply(a_call("", f"{beginning(name)}\n{end}", parameters=parameters))
                for name in TEXT
                for end in ends
            ]
    # Rounded, as libraries of mathematics differ in the last digit.
    chances = [
        {token: round(chance, 6) for token, chance in (one.top_logprobs or {}).items()}
        for one in replies
    ]
    text = json.dumps([[one.text for one in replies], chances])
    assert (
        hashlib.sha256(text.encode()).hexdigest()
        == "ac2ae0679e28fe3bade6e190ee3b42d0f50ec8152fedd8f8a7df92e1255f5b94"
    )


def test_other_questions_get_a_plain_answer() -> None:
    assert reply(a_call("", "Hello?")).text == "Yes"
    assert reply(a_call("", "Hello?")).top_logprobs is None
    chances = reply(a_call("", "Hello?", parameters={"logprobs": 5})).top_logprobs
    assert chances is not None
    assert chances["Yes"] - chances["No"] == 0.5
    assert reply(a_call("", "Hello?", schema=SCHEMA)).text == '{"answer": "no", "other": "yes"}'
