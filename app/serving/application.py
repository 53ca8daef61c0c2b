"""The HTTP application: chat completions of a tuned model and of its base."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from typing import Any, TypeAlias

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import Receive, Scope, Send

from app.errors import NotFound
from app.serving import problems
from app.serving.answerer import Answerer, Answering, Pieces, Question
from app.serving.chat_post import ChatPost
from app.serving.chat_reply import ChatReply
from app.training.manner import Piece

TUNED = "tuned"
BASE = "base"
Json: TypeAlias = dict[str, Any]
"""A JSON object; `Any` because that is what JSON is."""


def model_names(name: str) -> Mapping[str, bool]:
    """The models that are served, and of each whether it is the tuned one."""
    return {TUNED: True, name: True, BASE: False}


def build_app(answerer: Answerer, name: str) -> FastAPI:
    """Build the application; the caller closes the answerer after it."""
    app = FastAPI(title="Seedbed, serving what was tuned", openapi_url=None)
    problems.install(app)
    # A page whose name was made to point here (DNS rebinding) still sends its own name.
    hosts = ["127.0.0.1", "localhost"]
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)
    models = model_names(name)

    @app.get("/health")
    def health() -> Json:
        answerer.check()
        return {"status": "ok"}

    @app.get("/v1/models")
    def list_models() -> Json:
        return {"object": "list", "data": [_model(each) for each in models]}

    @app.get("/v1/models/{model:path}")
    def get_model(model: str) -> Json:
        _tuned(models, model)
        return _model(model)

    @app.post("/v1/chat/completions")
    async def complete_chat(request: Request, body: ChatPost) -> Response:
        question = body.question(tuned=_tuned(models, body.model))
        answering = await run_in_threadpool(_begun, answerer, question)
        reply = ChatReply(body.model, answering.prompt_tokens)
        if body.stream:
            with_usage = bool(body.stream_options and body.stream_options.include_usage)
            return _Stream(reply.events(answering.pieces, with_usage=with_usage))
        return JSONResponse(reply.whole(await _collected(request, answering.pieces)))

    return app


class _Stream(StreamingResponse):
    """Events, whose making ends when they are all sent or nobody is there any more."""

    def __init__(self, events: Generator[str, None, None]) -> None:
        super().__init__(events, media_type="text/event-stream")
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with closing(self._events):
            await super().__call__(scope, receive, send)


def _tuned(models: Mapping[str, bool], model: str) -> bool:
    if model not in models:
        raise NotFound("model", model)
    return models[model]


def _model(name: str) -> Json:
    return {"id": name, "object": "model", "created": 0, "owned_by": "seedbed"}


def _begun(answerer: Answerer, question: Question) -> Answering:
    """Wait for the first piece, so that what cannot be answered is refused by its status."""
    answering = answerer.answer(question)
    return Answering(answering.prompt_tokens, _resumed(next(answering.pieces), answering.pieces))


def _resumed(first: Piece, rest: Pieces) -> Pieces:
    yield first
    yield from rest


async def _collected(request: Request, pieces: Pieces) -> Sequence[Piece]:
    collected: list[Piece] = []
    with closing(pieces):
        async for piece in iterate_in_threadpool(pieces):
            collected.append(piece)
            if await request.is_disconnected():
                # Nobody waits for the rest, and others wait for their turn.
                break
    return collected
