"""Requests with a large body, each answered by a process of its own.

JSON that is parsed, checked and hashed keeps a Python process busy for as long as it takes: nothing
else is answered meanwhile, not even a health check, whatever thread does it.
"""

import asyncio
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.types import Message

from app.api.application import build_routes
from app.api.context import ApiContext
from app.api.files.body_limit import LimitBody
from app.api.files.process_queue import ProcessQueue
from app.api.files.uploads import uploaded
from app.logging_setup import log_to_stderr
from app.services.child_process import run_apart
from app.services.context import ServiceContext, open_service_context
from app.services.free_space import require_space
from app.settings import Settings

_SENT = frozenset(
    {
        *("type", "asgi", "http_version", "method", "scheme", "path", "raw_path", "query_string"),
        *("root_path", "headers", "client", "server"),
    }
)
_STATE_SENT = frozenset({"caller", "request_id"})


@dataclass(frozen=True, slots=True)
class _Task:
    """A request as its process gets it."""

    settings: Settings
    scope: dict[str, Any]  # Any: as in the ASGI scope
    body: Path


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class LargeRequests:
    """Answers requests with a large body.

    Args:
        service: the folder of uploads, and the limits of a process.
        settings: with these, a process opens a context of its own.
    """

    def __init__(self, service: ServiceContext, settings: Settings) -> None:
        self._service = service
        self._settings = settings
        self._queue = ProcessQueue(service.import_process, "requests with a large body")

    async def answer(self, request: Request) -> Response:
        """Answer a request that was checked for access.

        Raises:
            SeedbedError: The process reached a limit, the queue or the disk is full.
        """
        folder = self._service.files_dir / "uploads"
        check_space: Callable[[], None] = partial(require_space, self._service)
        async with self._queue.place(), uploaded(request, folder, check_space) as body:
            scope = {name: value for name, value in request.scope.items() if name in _SENT}
            state = request.scope.get("state", {})
            scope["state"] = {name: state[name] for name in _STATE_SENT & state.keys()}
            task = _Task(self._settings, scope, body)
            limits = self._service.import_process
            outcome = await self._queue.run(partial(run_apart, _answered, task, limits))
        if isinstance(outcome, Exception):
            raise outcome
        answer = Response(outcome.body, outcome.status)
        answer.raw_headers = outcome.headers
        return answer


def _answered(task: _Task) -> _Answer:
    """Answer in this process, which does nothing else."""
    log_to_stderr(task.settings.log_format)
    with closing(open_service_context(task.settings)) as service:
        # Nobody is notified of what was started: the sweeper looks for it every second.
        context = ApiContext(service, send=lambda _: None, broker_trouble=lambda: None)
        api = build_routes(context)
        # For the limits that only a look at the whole body can tell.
        api.add_middleware(LimitBody)
        return asyncio.run(_sent(api, task))


async def _sent(api: FastAPI, task: _Task) -> _Answer:
    received = False
    started: Message = {}
    pieces: list[bytes] = []

    async def receive() -> Message:
        nonlocal received
        if received:
            # The client is still there: when it goes, this process is killed.
            await asyncio.Event().wait()
        received = True
        return {"type": "http.request", "body": task.body.read_bytes(), "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            started.update(message)
        else:
            pieces.append(message.get("body", b""))

    try:
        await api(task.scope, receive, send)
    except MemoryError:
        raise
    except Exception:  # the application has logged it, and answered
        if not started:
            raise
    headers = [(bytes(name), bytes(value)) for name, value in started["headers"]]
    return _Answer(started["status"], headers, b"".join(pieces))
