"""The lines of a batch's files: requests in the input file, answers in the output file. No I/O."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, TypeAlias

from app.errors import ItemError, Outage
from app.llm.classify_errors import Failure
from app.llm.dialects.dialect import LONGER_NAME, NOTHING_LEARNT, Dialect, apply
from app.llm.failures.error_bodies import failure_of_body
from app.llm.json_fields import JsonObject
from app.llm.replies import json_object, read_reply
from app.llm.request_body import request_body
from app.pipeline.types import ChatPrompt, Completion, Request

MAX_REQUESTS = 50_000
"""Requests in one batch, by the provider's rules."""
MAX_BYTES = 200_000_000
"""Size of one batch's input file, by the provider's rules."""
MAX_LINE_BYTES = 4 * 1024 * 1024
"""Longest line of an answer; only the beginning of a longer one is kept."""

Named: TypeAlias = tuple[str, Request]
"""A ``custom_id``, which the answer repeats, and its request."""
Endpoint: TypeAlias = Literal["/v1/chat/completions", "/v1/completions"]
_RENAMED_BYTES = len(LONGER_NAME) - len("max_tokens")
"""A line may become longer by this much when a parameter is renamed."""


def request_line(custom_id: str, request: Request, model: str, dialect: Dialect) -> bytes:
    """Return a request as a line of the input file, with the line feed."""
    path, body = request_body(request, model)
    sent = apply(body, dialect)
    asked = {"custom_id": custom_id, "method": "POST", "url": f"/v1{path}"}
    whole = {**asked, "body": {**sent, **request.extra_body}}
    return json.dumps(whole).encode() + b"\n"


def endpoint_of(requests: Sequence[Named]) -> Endpoint:
    """Return the path for all requests of a batch; `ValueError` when they differ."""
    chat = {isinstance(request.prompt, ChatPrompt) for _, request in requests}
    if len(chat) != 1:
        raise ValueError("a batch needs at least one request, and all for the same endpoint")
    return "/v1/chat/completions" if chat.pop() else "/v1/completions"


def split(
    requests: Iterable[Named],
    model: str,
    max_requests: int = MAX_REQUESTS,
    max_bytes: int = MAX_BYTES,
) -> Iterator[list[Named]]:
    """Cut requests into as few batches as the provider's limits allow, in their order.

    A request larger than `max_bytes` becomes a batch of its own, for the provider to refuse.
    """
    part: list[Named] = []
    size = 0
    for custom_id, request in requests:
        line = len(request_line(custom_id, request, model, NOTHING_LEARNT)) + _RENAMED_BYTES
        if part and (len(part) == max_requests or size + line > max_bytes):
            yield part
            part, size = [], 0
        part.append((custom_id, request))
        size += line
    if part:
        yield part


def lines_of(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Join the chunks of a file into lines, without their line feeds.

    Only a line feed ends a line: the texts may contain every other separator of Unicode.
    """
    held = bytearray()
    for chunk in chunks:
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            yield bytes(held + end[: _bytes_left(held)])
            held.clear()
        held += rest[: _bytes_left(held)]
    yield bytes(held)


def _bytes_left(held: bytearray) -> int:
    # One byte more than a line may have marks it as too long.
    return MAX_LINE_BYTES + 1 - len(held)


def read_line(line: bytes, model: str) -> tuple[str, Completion | Failure | ItemError | Outage]:
    """Read a line of the output or the error file.

    Returns:
        The ``custom_id``, empty when it can't be read, and the answer or failure of its request.
    """
    if len(line) > MAX_LINE_BYTES:
        return "", ItemError(f"A line of the batch is larger than {MAX_LINE_BYTES:,} bytes.")
    try:
        found = json_object(line)
    except ItemError as trouble:
        return "", trouble
    custom_id = found.get("custom_id")
    if not isinstance(custom_id, str) or not custom_id:
        return "", ItemError("A line of the batch has no custom_id.")
    return custom_id, _answer(found, model)


def _answer(found: JsonObject, model: str) -> Completion | Failure | ItemError | Outage:
    response = found.get("response")
    if not isinstance(response, dict) or not response:
        error = found.get("error")
        absent = ItemError("The batch has no answer to this request.")
        return failure_of_body(error, 0, {}) if error else absent
    status, body = response.get("status_code"), response.get("body")
    status = status if isinstance(status, int) else 0
    if status >= 300:
        return failure_of_body(body or found.get("error"), status, {})
    if not isinstance(body, dict):
        return ItemError("The batch has an answer without a body for this request.")
    try:
        return read_reply(body, model, {})
    except (ItemError, Outage) as trouble:
        return trouble
