"""The HTTP application: chat completions of a tuned model and of its base."""

from asyncio import CancelledError
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any, TypeAlias

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.concurrency import iterate_in_threadpool
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import Receive, Scope, Send

from app.errors import NotFound, StackError
from app.serving import problems
from app.serving.answerer import Answerer, Answering, Pieces, Question
from app.serving.chat_post import ChatPost
from app.serving.chat_reply import ChatReply, event
from app.serving.problems import error_json
from app.serving.under_way import UnderWay
from app.training.plain.sampling import Piece

TUNED = "tuned"
BASE = "base"
_MOST_BEGINNING = 200
"""Questions that wait for their first piece. Threads of their own: those that hand on the pieces of
answers under way must not wait behind them."""
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
    beginning = CapacityLimiter(_MOST_BEGINNING)

    @app.get("/health")
    async def health() -> Json:
        answerer.check()
        return {"status": "ok"}

    @app.get("/v1/models")
    async def list_models() -> Json:
        return {"object": "list", "data": [_model(each) for each in models]}

    @app.get("/v1/models/{model:path}")
    async def get_model(model: str) -> Json:
        _tuned(models, model)
        return _model(model)

    @app.post("/v1/chat/completions")
    async def complete_chat(request: Request, body: ChatPost) -> Response:
        question = body.question(tuned=_tuned(models, body.model))
        try:
            answering = await to_thread.run_sync(_begun, answerer, question, limiter=beginning)
        except CancelledError:
            raise _stopped() from None
        reply = ChatReply(body.model, answering.prompt_tokens)
        if body.stream:
            with_usage = bool(body.stream_options and body.stream_options.include_usage)
            return _Stream(reply.events(answering.pieces, with_usage=with_usage))
        try:
            pieces = await _collected(request, UnderWay(answering.pieces))
        except CancelledError:
            raise _stopped() from None
        return JSONResponse(reply.whole(pieces))

    return app


class _Stream(StreamingResponse):
    """Events, whose making ends when they are all sent or nobody is there any more."""

    def __init__(self, events: Generator[str, None, None]) -> None:
        self._events = UnderWay(events)
        super().__init__(self._events, media_type="text/event-stream")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with closing(self._events):
            try:
                await super().__call__(scope, receive, send)
            except CancelledError:
                last = event(error_json(_stopped())).encode()
                await send({"type": "http.response.body", "body": last, "more_body": False})


def _stopped() -> StackError:
    # Requests are cancelled by nothing but the server's end.
    return StackError("The server is being stopped.")


class UnknownModel(NotFound):
    """No model of this name is served."""

    def __init__(self, model: str, served: Iterable[str]) -> None:
        super().__init__("model", model)
        self.args = (f"There is no model {model!r} here; served are {', '.join(served)}.",)


def _tuned(models: Mapping[str, bool], model: str) -> bool:
    if model not in models:
        raise UnknownModel(model, models)
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


async def _collected(request: Request, pieces: UnderWay[Piece]) -> Sequence[Piece]:
    collected: list[Piece] = []
    with closing(pieces):
        async for piece in iterate_in_threadpool(pieces):
            collected.append(piece)
            if await request.is_disconnected():
                # Nobody waits for the rest, and others wait for their turn.
                break
    return collected
