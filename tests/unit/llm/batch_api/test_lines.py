"""The lines of a batch's files: cut, split and read, also the strange ones."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from app.errors import (
    ContextExceeded,
    ItemError,
    NoAnswer,
    NoText,
    Outage,
    ParameterError,
    ProviderError,
    RunError,
    TextFiltered,
    Throttled,
)
from app.llm.batch_api.batches import Collected
from app.llm.batch_api.lines import MAX_LINE_BYTES, lines_of, request_line, split
from app.llm.dialects.dialect import NOTHING_LEARNT, Dialect, Lesson
from app.llm.request_body import request_body
from app.llm.scripted.batches import BatchScript, Fault, Route
from app.llm.scripted.server import ScriptedCall, ScriptedReply
from app.pipeline.types import Completion
from tests.unit.llm.batch_stand_in import Api, batch_api, chat, named, problem

BODY = {
    "choices": [{"message": {"content": "fine"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1},
}
FINE = Completion("fine", "stop", "model-a", 3, 1)


def line(custom_id: object, body: object = BODY, status: object = 200, **more: object) -> bytes:
    response = {"status_code": status, "request_id": "r", "body": body}
    return json.dumps({"custom_id": custom_id, "response": response, "error": None} | more).encode()


class Output:
    """A batch that has ended, whose output file is what a test makes it."""

    def __init__(self) -> None:
        self.content = b""
        self.api: Api | None = None

    def play(self, route: Route, _: int) -> Fault | None:
        reply = ScriptedReply(raw=self.content, content_type="application/octet-stream")
        return Fault(reply) if route == "content" else None

    def collect(self, *lines: bytes, asked: Sequence[str] | None = None) -> list[Collected]:
        assert self.api is not None
        self.content = b"\n".join(lines)
        return list(self.api.endpoint.collect("batch_1", asked))


@pytest.fixture(scope="module")
def output() -> Iterator[Output]:
    output = Output()
    with batch_api(batches=BatchScript(fault=output.play)) as output.api:
        output.api.ended(output.api.submitted("a"))
        yield output


def test_a_line_of_the_input_is_an_ordinary_call_with_a_name_and_an_address() -> None:
    request = chat("hello")
    sent = json.loads(request_line("a", request, "model-a", NOTHING_LEARNT))
    path, body = request_body(request, "model-a")
    assert sent == {"custom_id": "a", "method": "POST", "url": f"/v1{path}", "body": body}


def test_requests_are_split_by_their_number_in_their_order() -> None:
    requests = named(*"abcdefg")
    parts = list(split(requests, "m", max_requests=3))
    assert [len(part) for part in parts] == [3, 3, 1]
    assert [one for part in parts for one in part] == requests
    assert list(split([], "m")) == []


def test_no_part_is_larger_than_a_file_may_be_whichever_name_its_length_has() -> None:
    requests = named(*(f"item {n:03}" for n in range(50)))
    renamed = Dialect((Lesson("max_tokens", "renamed", "max_completion_tokens"),))
    size = len(request_line(*requests[0], "m", renamed))
    assert [len(part) for part in split(requests, "m", max_bytes=size * 10)] == [10] * 5
    assert [len(part) for part in split(requests, "m", max_bytes=size * 10 - 1)][:2] == [9, 9]


def test_a_request_larger_than_any_file_goes_alone() -> None:
    requests = [("a", chat("a")), ("b", chat("b" * 1000)), ("c", chat("c"))]
    parts = list(split(requests, "m", max_bytes=600))
    assert [[name for name, _ in part] for part in parts] == [["a"], ["b"], ["c"]]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_lines_are_the_same_however_the_file_is_cut_into_chunks(size: int) -> None:
    content = "one\n\ntwo \u2028 with \u0085 and \x0b\r\nlast".encode()
    chunks = [content[at : at + size] for at in range(0, len(content), size)]
    assert list(lines_of(chunks)) == content.split(b"\n")


def test_of_a_line_without_end_only_the_beginning_is_held() -> None:
    megabytes = (b"x" * 1_000_000 for _ in range(12))
    (held,) = lines_of(megabytes)
    assert len(held) == MAX_LINE_BYTES + 1


def test_separators_inside_a_text_do_not_end_the_line(output: Output) -> None:
    words = "a\u2028b\u2029c\u0085d\x1ce"
    body = {"choices": [{"message": {"content": words}, "finish_reason": "stop"}]}
    whole = {"custom_id": "a", "response": {"status_code": 200, "body": body}}
    (one,) = output.collect(
        json.dumps(whole, ensure_ascii=False).replace("\\u001c", "\x1c").encode()
    )
    assert one.stray == "unreadable"  # A bare control character is no JSON; the others are.
    (one,) = output.collect(json.dumps(whole, ensure_ascii=False).encode())
    assert isinstance(one.answer, Completion)
    assert one.answer.text == words


def error(message: str, code: object = None, **more: object) -> dict[str, Any]:
    return {"error": {"message": message, "code": code, **more}}


NEVER: dict[str, Any] = {
    "response": None,
    "error": {"code": "batch_expired", "message": "Too late"},
}


@pytest.mark.parametrize(
    ("sent", "kind", "says"),
    [
        (line("a", error("maximum context length is 8"), 400), ContextExceeded, "too long"),
        (line("a", error("I do not like it"), 400), ItemError, "I do not like it"),
        (line("a", error("No", "content_filter"), 400), TextFiltered, "filter"),
        (line("a", error("Slow down"), 429), Throttled, "Slow down"),
        (line("a", error("Empty", "insufficient_quota"), 429), RunError, "credit"),
        (line("a", error("It broke"), 500), Outage, "It broke"),
        (line("a", "<html>502 <b>Bad</b></html>", 502), Outage, "502 Bad"),
        (line("a", None, 503), Outage, "503"),
        (line("a", error("Wrong key"), 401), RunError, "OPENAI_API_KEY"),
        (line("a", error("No model x", "model_not_found"), 404), RunError, "SEEDBED_MODEL"),
        (
            line("a", error("Not 0", "unsupported_value", param="temperature"), 400),
            ParameterError,
            "sampling",
        ),
        (line("a", error("out of luck")), ItemError, "out of luck"),
        (line("a", {"choices": None} | error("Slow down", "429")), Throttled, "Slow down"),
        (
            line("a", {"choices": [{"error": {"code": 502, "message": "It broke"}}]}),
            Outage,
            "broke",
        ),
        (
            line("a", {"choices": [{"message": {"content": ""}, "finish_reason": "error"}]}),
            Outage,
            "broke off",
        ),
        (
            line("a", {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}),
            RunError,
            "insufficient balance",
        ),
        (line("a", {"object": "error", "message": "Busy", "code": 503}), Outage, "Busy"),
        (line("a", error("Your credit balance is too low"), 400), RunError, "too low"),
        (line("a", {"detail": "Too many tokens, please wait"}, 400), Throttled, "Too many tokens"),
        (line("a", {"choices": []}), NoAnswer, "any choice"),
        (line("a", {"choices": [{"message": {"content": None}}]}), NoText, "without text"),
        (line("a", None), ItemError, "without a body"),
        (line("a", "fine"), ItemError, "without a body"),
        (line("a", **NEVER), Throttled, "Too late"),
        (line("a", **NEVER | {"error": {"code": "batch_cancelled"}}), Throttled, "batch_cancelled"),
        (line("a", **NEVER | {"error": {"code": "x", "message": "Odd"}}), ItemError, "Odd"),
        (line("a", **NEVER | {"error": "Odd"}), ItemError, "Odd"),
        (line("a", **NEVER | {"error": None}), ItemError, "no answer"),
        (b'{"custom_id": "a"}', ItemError, "no answer"),
    ],
)
def test_a_line_without_an_answer_is_classified_by_the_table(
    sent: bytes, kind: type[ProviderError], says: str, output: Output
) -> None:
    first, second = output.collect(sent, line("b"))
    assert (first.custom_id, first.stray) == ("a", None)
    assert type(first.answer) is kind, first.answer
    assert says in str(first.answer)
    assert second == Collected("b", FINE)


def test_a_line_with_reasoning_and_another_word_for_its_end_is_read(output: Output) -> None:
    message = {"content": [{"type": "thinking", "thinking": "Hm"}, {"type": "text", "text": "A"}]}
    body = {**BODY, "choices": [{"message": message, "finish_reason": "MAX_TOKENS"}]}
    (one,) = output.collect(line("a", body))
    assert isinstance(one.answer, Completion)
    assert (one.answer.text, one.answer.reasoning, one.answer.cut_off) == ("A", "Hm", True)


def test_what_a_refusal_quotes_of_its_request_is_no_reason(output: Output) -> None:
    words = "We refuse: tell me that my account has an insufficient balance today"
    (one,) = output.collect(line("a", error(words), 400))
    assert output.api is not None
    assert one.refusal is not None
    request = chat("Tell me that my account has an insufficient balance today")
    assert type(output.api.endpoint.trouble_of(one.refusal, request)) is ItemError


def test_a_line_with_an_answer_needs_no_status(output: Output) -> None:
    for sent in (line("a", status=None), line("a", status="200"), line("a", status=201)):
        assert output.collect(sent) == [Collected("a", FINE)]


@pytest.mark.parametrize(
    "sent",
    [
        b"{oops",
        b"[1, 2]",
        b"\xff\xfe",
        b"null",
        line(None),
        line(7),
        line(""),
        b'{"response": null}',
        b'{"custom_id": "a", "response": "' + b"x" * MAX_LINE_BYTES + b'"}',
        b"[" * 100_000,
    ],
    ids=lambda sent: sent[:20].decode(errors="replace"),
)
def test_a_line_that_cannot_be_read_is_reported_and_the_next_is_read(
    sent: bytes, output: Output
) -> None:
    first, second = output.collect(sent, line("b"))
    assert (first.custom_id, first.stray) == ("", "unreadable")
    assert isinstance(first.answer, ItemError)
    assert first.answer.__context__ is None
    assert len(str(first.answer)) < 1000
    assert second == Collected("b", FINE)


def test_an_unknown_name_is_reported_with_what_was_paid_for(output: Output) -> None:
    assert output.collect(line("x\0"), line("a"), asked=["a"]) == [
        Collected("x\N{REPLACEMENT CHARACTER}", FINE, "unknown"),
        Collected("a", FINE),
    ]


def test_without_the_names_that_were_asked_none_is_unknown(output: Output) -> None:
    assert [one.stray for one in output.collect(line("x"), line("y"))] == [None, None]


def test_a_second_answer_to_the_same_request_is_reported_whichever_file_it_is_in() -> None:
    def garbled(call: ScriptedCall) -> ScriptedReply:
        if call.custom_id == "a":
            return problem(400, "No")
        return ScriptedReply(raw=line("a") + b"\n" + line("a"))

    with batch_api(garbled) as api:
        first, second, third = api.collected(api.submitted("a", "b"))
    assert (first, second) == (Collected("a", FINE), Collected("a", FINE, "repeated"))
    assert (third.custom_id, third.stray) == ("a", "repeated")
    assert type(third.answer) is ItemError


def test_empty_lines_are_nothing(output: Output) -> None:
    assert output.collect(b"", line("a"), b"  ", b"\r") == [Collected("a", FINE)]
    assert output.collect(b"") == []
