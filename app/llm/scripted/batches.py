"""The Batch API of the scripted server: files, batches of calls, and injected faults.

Everything is in the memory of the process. The script answers each line like a call, but a line
has no connection of its own: `delay_s`, `trickle_s` and `headers` are ignored, `cut_off` omits the
line, and `raw` replaces the line in the output.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from app.llm.scripted.batch import ENDPOINTS, Ask, Batch, BatchPlan, is_paid, work
from app.llm.scripted.wire import (
    Counts,
    Endpoint,
    Json,
    Script,
    ScriptedCall,
    ScriptedReply,
    read_call,
    response,
)

Route: TypeAlias = Literal["upload", "content", "create", "list", "status", "cancel"]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that replaces the answer to one call of the Batch API."""

    reply: ScriptedReply
    done: bool = False
    """True: the call takes effect. Its answer is then sent as `reply` says (cut off, trickling,
    late), or replaced where `reply` has its own body."""


def _goes_well(_n: int) -> BatchPlan:
    return BatchPlan()


def _no_fault(_route: Route, _n: int) -> Fault | None:
    return None


@dataclass(frozen=True, slots=True)
class BatchScript:
    """The behaviour of the Batch API."""

    plan: Callable[[int], BatchPlan] = _goes_well
    """Returns the plan of the nth batch, from 1."""
    fault: Callable[[Route, int], Fault | None] = _no_fault
    """Returns the fault of the nth call of a route, from 1; None: it is answered."""


class _Refusal(Exception):
    """A call that the API would refuse."""

    def __init__(self, status: int, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.param = param


class BatchApi:
    """The routes and their state; `numbers` counts the calls of the whole server."""

    def __init__(
        self, scripted: Script, counts: Counts, numbers: Iterator[int], script: BatchScript
    ) -> None:
        self._scripted = scripted
        self._counts = counts
        self._numbers = numbers
        self._script = script
        self._files: dict[str, bytes] = {}
        self._batches: dict[str, Batch] = {}
        self._routes: Counter[Route] = Counter()
        # The loop keeps only weak references to its tasks.
        self._tasks: set[asyncio.Task[None]] = set()

    def add_to(self, app: FastAPI) -> None:
        """Serve the API as a part of `app`."""

        @app.post("/v1/files")
        async def upload(request: Request) -> Response:
            form = _form(await request.body(), request.headers["content-type"])
            return await self._play("upload", lambda: self._upload(form))

        @app.get("/v1/files/{file_id}/content")
        async def content(file_id: str) -> Response:
            return await self._play("content", lambda: self._file(file_id, 404))

        @app.post("/v1/batches")
        async def create(request: Request) -> Response:
            asked = cast("Json", await request.json())  # Our clients send an object.
            key = request.headers.get("authorization")
            return await self._play("create", lambda: self._create(asked, key))

        @app.get("/v1/batches")
        async def newest(after: str | None = None, limit: int = 20) -> Response:
            return await self._play("list", lambda: self._list(after, limit))

        @app.get("/v1/batches/{batch_id}")
        async def status(batch_id: str) -> Response:
            return await self._play("status", lambda: self._batch(batch_id).as_json())

        @app.post("/v1/batches/{batch_id}/cancel")
        async def cancel(batch_id: str) -> Response:
            return await self._play("cancel", lambda: self._cancel(batch_id))

    async def _play(self, route: Route, act: Callable[[], Json | bytes]) -> Response:
        self._routes[route] += 1
        fault = self._script.fault(route, self._routes[route])
        reply = fault.reply if fault is not None else ScriptedReply()
        body: Json | bytes = b""
        if fault is None or fault.done:
            try:
                body = act()
            except _Refusal as refusal:
                error = {"message": str(refusal), "param": refusal.param, "code": None}
                return JSONResponse({"error": error}, refusal.status)
        await asyncio.sleep(reply.delay_s)
        return response(reply, body if isinstance(body, bytes) else json.dumps(body).encode())

    def _upload(self, form: dict[str, bytes]) -> Json:
        if form.get("purpose") != b"batch":
            raise _Refusal(400, "The purpose of a file must be 'batch'.", "purpose")
        content = form["file"]
        return {"id": self._keep(content), "object": "file", "bytes": len(content)}

    def _keep(self, content: bytes) -> str:
        file_id = f"file-{len(self._files) + 1}"
        self._files[file_id] = content
        return file_id

    def _file(self, file_id: str, status: int) -> bytes:
        if file_id not in self._files:
            message = f"Cannot find file {file_id}, or the project does not have access to it."
            raise _Refusal(status, message, "file_id")
        return self._files[file_id]

    def _create(self, asked: Json, authorization: str | None) -> Json:
        if asked.get("endpoint") not in ENDPOINTS:
            raise _Refusal(400, "This endpoint cannot be used in a batch.", "endpoint")
        if asked.get("completion_window") != "24h":
            raise _Refusal(400, "The completion window must be 24h.", "completion_window")
        content = self._file(str(asked.get("input_file_id")), 400)
        n = self._counts.batches = self._counts.batches + 1
        batch = Batch(f"batch_{n}", asked, self._script.plan(n))
        self._batches[batch.id] = batch
        task = asyncio.get_running_loop().create_task(
            work(batch, content, self._ask_as(authorization), self._keep)
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return batch.as_json()

    def _ask_as(self, authorization: str | None) -> Ask:
        headers = {"authorization": authorization} if authorization else {}

        def ask(endpoint: Endpoint, body: Json, name: str) -> tuple[ScriptedCall, ScriptedReply]:
            call = read_call(next(self._numbers), endpoint, body, headers, custom_id=name)
            reply = self._scripted(call)
            self._counts.batch_lines += is_paid(reply)
            return call, reply

        return ask

    def _list(self, after: str | None, limit: int) -> Json:
        newest_first = list(reversed(self._batches))
        begin = newest_first.index(after) + 1 if after in self._batches else 0
        shown = newest_first[begin : begin + limit]
        data = [self._batches[batch_id].as_json() for batch_id in shown]
        return {"object": "list", "data": data, "has_more": begin + limit < len(newest_first)}

    def _batch(self, batch_id: str) -> Batch:
        if batch_id not in self._batches:
            raise _Refusal(404, f"No batch found with id '{batch_id}'.")
        return self._batches[batch_id]

    def _cancel(self, batch_id: str) -> Json:
        batch = self._batch(batch_id)
        if batch.status in ("failed", "completed", "expired", "cancelled"):
            raise _Refusal(409, f"Cannot cancel a batch with status '{batch.status}'.")
        batch.status = "cancelling"
        batch.stop.set()
        return batch.as_json()


def _form(body: bytes, content_type: str) -> dict[str, bytes]:
    """Read the fields of a multipart form, files among them."""
    boundary = re.search(r'boundary="?([^";]+)', content_type)
    fields: dict[str, bytes] = {}
    if boundary is None:
        return fields
    for part in body.split(b"--" + boundary[1].encode())[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = re.search(rb'[; ]name="([^"]*)"', head)
        if name is not None:
            fields[name[1].decode()] = content.removesuffix(b"\r\n")
    return fields
