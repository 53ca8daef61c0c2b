"""The processing of one batch in the scripted server's Batch API."""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from app.llm.scripted.wire import Endpoint, Json, ScriptedCall, ScriptedReply, completion_json

State: TypeAlias = Literal[
    "validating",
    "failed",
    "in_progress",
    "finalizing",
    "completed",
    "expired",
    "cancelling",
    "cancelled",
]
Ask: TypeAlias = Callable[[Endpoint, Json, str], tuple[ScriptedCall, ScriptedReply]]
"""Takes the endpoint, body and custom_id of a line; returns the call that it is, and the reply."""

ENDPOINTS: dict[str, Endpoint] = {"/v1/chat/completions": "chat", "/v1/completions": "completions"}
_WINDOW_S = 24 * 3600
_NEVER_ASKED = {
    "expired": (
        "batch_expired",
        "This request could not be executed before the completion window expired.",
    ),
    "cancelled": ("batch_cancelled", "This request was not executed: the batch was cancelled."),
}


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """The course of one batch; by default it succeeds immediately."""

    takes_s: float = 0.0
    """Duration from its creation to its last line; the lines are answered evenly over it."""
    stays: State | None = None
    """The state in which it stays until it is cancelled. With ``cancelling`` it waits in progress
    to be cancelled, and then stays in that state."""
    failed: tuple[Json, ...] = ()
    """Validation fails with these errors: ``code``, ``line``, ``message``, ``param``."""
    expires_after: int | None = None
    """Answered lines after which it expires; None: it does not."""
    backwards: bool = False
    """True: the output has the last line first."""


@dataclass(frozen=True, slots=True)
class _Line:
    custom_id: str
    body: Json


@dataclass(slots=True)
class Batch:
    """A batch and its status."""

    id: str
    asked: Json
    """The JSON body that created it."""
    plan: BatchPlan
    status: State = "validating"
    created_at: int = field(default_factory=lambda: int(time.time()))
    total: int = 0
    completed: int = 0
    failed: int = 0
    errors: tuple[Json, ...] = ()
    output: list[bytes] = field(default_factory=list)
    refused: list[bytes] = field(default_factory=list)
    """The lines of the error file."""
    output_file_id: str | None = None
    error_file_id: str | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Set to cancel it."""

    def as_json(self) -> Json:
        """Return the batch as the API shows it."""
        counts = {"total": self.total, "completed": self.completed, "failed": self.failed}
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": self.asked["endpoint"],
            "errors": {"object": "list", "data": list(self.errors)} if self.errors else None,
            "input_file_id": self.asked["input_file_id"],
            "completion_window": self.asked["completion_window"],
            "status": self.status,
            "output_file_id": self.output_file_id,
            "error_file_id": self.error_file_id,
            "created_at": self.created_at,
            "expires_at": self.created_at + _WINDOW_S,
            "request_counts": counts,
            "metadata": self.asked.get("metadata"),
        }


async def work(batch: Batch, content: bytes, ask: Ask, keep: Callable[[bytes], str]) -> None:
    """Take a batch from validating to its end; `keep` stores a file and returns its id."""
    await _enter(batch, "validating")
    lines, faults = _read(content, batch.asked["endpoint"])
    batch.errors = batch.plan.failed or faults
    if batch.errors:
        batch.status = "failed"
        return
    batch.total = len(lines)
    await _enter(batch, "in_progress")
    done = await _answer(batch, lines, ask)
    if done == len(lines):
        await _enter(batch, "finalizing")
    if batch.stop.is_set() and batch.plan.stays == "cancelling":
        return
    ending: State = "completed" if done == len(lines) else "expired"
    if batch.stop.is_set():
        ending = "cancelled"
    for line in lines[done:]:
        code, message = _NEVER_ASKED[ending]
        error = {"code": code, "message": message}
        batch.refused.append(_output_line(line, None, error))
    output = reversed(batch.output) if batch.plan.backwards else batch.output
    if batch.output:
        batch.output_file_id = keep(b"".join(output))
    if batch.refused:
        batch.error_file_id = keep(b"".join(batch.refused))
    batch.status = ending


async def _enter(batch: Batch, state: State) -> None:
    if not batch.stop.is_set():
        batch.status = state
        if batch.plan.stays == state or (batch.plan.stays, state) == ("cancelling", "in_progress"):
            await batch.stop.wait()


async def _answer(batch: Batch, lines: list[_Line], ask: Ask) -> int:
    """Answer lines until all are answered, or the batch ends; return the number of answers."""
    plan = batch.plan
    limit = len(lines) if plan.expires_after is None else min(plan.expires_after, len(lines))
    now_s = asyncio.get_running_loop().time
    began_s = now_s()
    for n, line in enumerate(lines[:limit]):
        wait_s = began_s + plan.takes_s * (n + 1) / len(lines) - now_s()
        if wait_s > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(batch.stop.wait(), wait_s)
        elif n % 64 == 0:
            # Let other calls run.
            await asyncio.sleep(0)
        if batch.stop.is_set():
            return n
        call, reply = ask(ENDPOINTS[batch.asked["endpoint"]], line.body, line.custom_id)
        _write(batch, line, call, reply)
    return limit


def is_paid(reply: ScriptedReply) -> bool:
    """Return True when a provider would charge for a line with this reply."""
    return reply.status == 200 and reply.error is None and not reply.cut_off


def _write(batch: Batch, line: _Line, call: ScriptedCall, reply: ScriptedReply) -> None:
    fine = is_paid(reply)
    batch.completed += fine
    batch.failed += not fine
    if reply.cut_off:
        return
    if reply.raw is not None:
        batch.output.append(reply.raw + b"\n")
        return
    body = completion_json(call, reply) if reply.error is None else {"error": dict(reply.error)}
    response = {"status_code": reply.status, "request_id": f"req_{call.n}", "body": body}
    (batch.output if fine else batch.refused).append(_output_line(line, response, None))


def _output_line(line: _Line, response: Json | None, error: Json | None) -> bytes:
    head = {"id": f"batch_req_{line.custom_id}", "custom_id": line.custom_id}
    # Not escaped, as providers do it: a reader must not split lines at a Unicode line separator.
    text = json.dumps({**head, "response": response, "error": error}, ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass") + b"\n"


def _read(content: bytes, endpoint: str) -> tuple[list[_Line], tuple[Json, ...]]:
    """Return the lines of an input file and their validation errors."""
    lines: list[_Line] = []
    faults: list[Json] = []
    ids: set[str] = set()
    for n, text in enumerate(content.splitlines(), start=1):
        try:
            line = json.loads(text)
            custom_id, body = line["custom_id"], line["body"]
        except (ValueError, TypeError, KeyError):
            faults.append(_fault("invalid_json_line", n, "This line is not parseable."))
            continue
        if (line.get("method"), line.get("url")) != ("POST", endpoint):
            faults.append(_fault("invalid_url", n, f"The URL of this line is not {endpoint}."))
        if custom_id in ids:
            faults.append(_fault("duplicate_custom_id", n, f"{custom_id} is there already."))
        ids.add(custom_id)
        lines.append(_Line(custom_id, body))
    if not lines and not faults:
        faults.append(_fault("empty_file", None, "The input file is empty."))
    return lines, tuple(faults)


def _fault(code: str, line: int | None, message: str) -> Json:
    return {"code": code, "line": line, "message": message, "param": None}
