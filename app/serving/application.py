"""The HTTP application: chat completions of a tuned model and its base model."""

from asyncio import CancelledError
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from typing import Any, TypeAlias

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.concurrency import iterate_in_threadpool
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import Receive, Scope, Send

from app.errors import StackError, UnknownModel
from app.serving import problems
from app.serving.answerer import AnswerChunks, Answerer, AnswerStream, Question
from app.serving.chat_request import ChatRequest
from app.serving.chat_response import ChatResponse, event
from app.serving.closable_generator import ClosableGenerator
from app.serving.problems import error_json
from app.training.plain.sampling_options import AnswerChunk

TUNED = "tuned"
BASE = "base"
_MAX_WAITING = 200
"""Requests that may wait for their first chunk at the same time, in threads of their own, so that
running streams never wait for a thread."""
Json: TypeAlias = dict[str, Any]
"""A JSON object, so `Any`."""


def model_names(name: str) -> Mapping[str, bool]:
    """Return the served model names, with True for the tuned model."""
    return {TUNED: True, name: True, BASE: False}


def build_app(answerer: Answerer, name: str) -> FastAPI:
    """Build the application; the caller closes the answerer afterwards."""
    app = FastAPI(title="Seedbed: tuned model", openapi_url=None)
    problems.install(app)
    # After DNS rebinding a malicious page still sends its own host name.
    hosts = ["127.0.0.1", "localhost"]
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)
    models = model_names(name)
    waiting = CapacityLimiter(_MAX_WAITING)

    @app.get("/health")
    async def health() -> Json:
        answerer.check()
        return {"status": "ok"}

    @app.get("/v1/models")
    async def list_models() -> Json:
        return {"object": "list", "data": [_model(each) for each in models]}

    @app.get("/v1/models/{model:path}")
    async def get_model(model: str) -> Json:
        _is_tuned(models, model)
        return _model(model)

    @app.post("/v1/chat/completions")
    async def complete_chat(request: Request, body: ChatRequest) -> Response:
        question = body.question(tuned=_is_tuned(models, body.model))
        try:
            stream = await to_thread.run_sync(_started, answerer, question, limiter=waiting)
        except CancelledError:
            raise _stopped() from None
        reply = ChatResponse(body.model, stream.prompt_tokens)
        if body.stream:
            with_usage = bool(body.stream_options and body.stream_options.include_usage)
            return _Stream(reply.events(stream.chunks, with_usage=with_usage))
        try:
            chunks = await _collected(request, ClosableGenerator(stream.chunks))
        except CancelledError:
            raise _stopped() from None
        return JSONResponse(reply.whole(chunks))

    return app


class _Stream(StreamingResponse):
    """An event stream; the generation stops when the client disconnects."""

    def __init__(self, events: Generator[str, None, None]) -> None:
        self._events = ClosableGenerator(events)
        super().__init__(self._events, media_type="text/event-stream")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with closing(self._events):
            try:
                await super().__call__(scope, receive, send)
            except CancelledError:
                last = event(error_json(_stopped())).encode()
                await send({"type": "http.response.body", "body": last, "more_body": False})


def _stopped() -> StackError:
    # Requests are cancelled only when the server stops.
    return StackError("The server is stopping.")


def _is_tuned(models: Mapping[str, bool], model: str) -> bool:
    if model not in models:
        raise UnknownModel(model, models)
    return models[model]


def _model(name: str) -> Json:
    return {"id": name, "object": "model", "created": 0, "owned_by": "seedbed"}


def _started(answerer: Answerer, question: Question) -> AnswerStream:
    """Wait for the first chunk, so that a failure gets its own HTTP status."""
    stream = answerer.answer(question)
    return AnswerStream(stream.prompt_tokens, _chain(next(stream.chunks), stream.chunks))


def _chain(first: AnswerChunk, rest: AnswerChunks) -> AnswerChunks:
    yield first
    yield from rest


async def _collected(
    request: Request, chunks: ClosableGenerator[AnswerChunk]
) -> Sequence[AnswerChunk]:
    collected: list[AnswerChunk] = []
    with closing(chunks):
        async for chunk in iterate_in_threadpool(chunks):
            collected.append(chunk)
            if await request.is_disconnected():
                # The client is gone, and other requests are waiting.
                break
    return collected
