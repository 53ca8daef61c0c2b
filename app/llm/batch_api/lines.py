"""The lines of a batch's files: requests as they are sent, answers as they come back. No I/O."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, TypeAlias

from app.errors import ItemError
from app.llm.classify_errors import Failure
from app.llm.parse_errors import failure_of_body
from app.llm.replies import JsonObject, json_object, read_completion
from app.llm.request_body import LengthName, request_body
from app.pipeline.types import ChatPrompt, Completion, Request

MOST_REQUESTS = 50_000
"""In one batch, by the provider's rules."""
MOST_BYTES = 200_000_000
"""Of one batch's file, by the provider's rules."""
MOST_LINE_BYTES = 4 * 1024 * 1024
"""Of an answer; of a longer line only the beginning is kept."""

Named: TypeAlias = tuple[str, Request]
"""A request and its ``custom_id``, by which its answer is known."""
Endpoint: TypeAlias = Literal["/v1/chat/completions", "/v1/completions"]
_LONGER_NAME: LengthName = "max_completion_tokens"


def request_line(custom_id: str, request: Request, model: str, name: LengthName) -> bytes:
    """A request as a line of the input file, its end included."""
    path, body = request_body(request, model, name)
    asked = {"custom_id": custom_id, "method": "POST", "url": f"/v1{path}", "body": body}
    return json.dumps(asked).encode() + b"\n"


def endpoint_of(requests: Sequence[Named]) -> Endpoint:
    """The path that all requests of a batch are sent to; `ValueError` where they differ."""
    chat = {isinstance(request.prompt, ChatPrompt) for _, request in requests}
    if len(chat) != 1:
        raise ValueError("a batch asks at least one request, and all of the same endpoint")
    return "/v1/chat/completions" if chat.pop() else "/v1/completions"


def split(
    requests: Iterable[Named],
    model: str,
    most_requests: int = MOST_REQUESTS,
    most_bytes: int = MOST_BYTES,
) -> Iterator[list[Named]]:
    """Cut requests into as few batches as the provider's limits allow, in their order.

    A request that is larger than `most_bytes` is a batch alone, for the provider to refuse.
    """
    part: list[Named] = []
    size = 0
    for custom_id, request in requests:
        line = len(request_line(custom_id, request, model, _LONGER_NAME))
        if part and (len(part) == most_requests or size + line > most_bytes):
            yield part
            part, size = [], 0
        part.append((custom_id, request))
        size += line
    if part:
        yield part


def lines_of(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a file that comes in chunks, without their ends.

    Only a line feed ends one: the texts inside may hold every other separator that Unicode knows.
    """
    held = bytearray()
    for chunk in chunks:
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            yield bytes(held + end[: _room(held)])
            held.clear()
        held += rest[: _room(held)]
    yield bytes(held)


def _room(held: bytearray) -> int:
    # One byte more than a line may have, by which it is known to be too long.
    return MOST_LINE_BYTES + 1 - len(held)


def read_line(line: bytes, model: str) -> tuple[str, Completion | Failure | ItemError]:
    """Read a line of the output or the error file: the request it names, and what became of it.

    The name is empty where the line has none that can be read.
    """
    if len(line) > MOST_LINE_BYTES:
        return "", ItemError(f"A line of the batch is larger than {MOST_LINE_BYTES:,} bytes.")
    try:
        found = json_object(line)
    except ItemError as trouble:
        return "", trouble
    custom_id = found.get("custom_id")
    if not isinstance(custom_id, str) or not custom_id:
        return "", ItemError("A line of the batch does not say what it answers.")
    return custom_id, _answer(found, model)


def _answer(found: JsonObject, model: str) -> Completion | Failure | ItemError:
    response = found.get("response")
    if not isinstance(response, dict) or not response:
        error = found.get("error")
        return failure_of_body(error, 0, {}) if error else ItemError("The batch has no answer.")
    status, body = response.get("status_code"), response.get("body")
    status = status if isinstance(status, int) else 0
    if status >= 300:
        return failure_of_body(body or found.get("error"), status, {})
    if not isinstance(body, dict):
        return ItemError("The batch has an answer without a body.")
    if body.get("error") and "choices" not in body:
        return failure_of_body(body["error"], 0, {})
    try:
        return read_completion(body, model)
    except ItemError as trouble:
        return trouble
