"""Errors as problem details (RFC 9457): the one place that maps failures to HTTP."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.request_ids import HEADER, request_id_of
from app.api.response_headers import STRICT_HEADERS
from app.disk_space import refusal
from app.errors import (
    Busy,
    ConfigurationError,
    Conflict,
    Fault,
    Forbidden,
    HubError,
    InvalidInput,
    NotFound,
    OutOfSpace,
    ProviderError,
    SeedbedError,
    TooLarge,
    Unauthenticated,
    UnsupportedEncoding,
    fault_message,
    field_path,
)
from app.store.database import AWAY
from app.without_keys import without_keys

_log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
_MAX_FAULTS = 100

_STATUS: Mapping[type[SeedbedError], HTTPStatus] = {
    UnsupportedEncoding: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Busy: HTTPStatus.SERVICE_UNAVAILABLE,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    ConfigurationError: HTTPStatus.SERVICE_UNAVAILABLE,
    OutOfSpace: HTTPStatus.INSUFFICIENT_STORAGE,
    HubError: HTTPStatus.BAD_GATEWAY,
    ProviderError: HTTPStatus.BAD_GATEWAY,
}


_RETRY = {"Retry-After": "5"}
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="seedbed"'}


class FaultView(BaseModel):
    """One fault of the request."""

    message: str
    line: int | None = None
    field: str | None = None
    row: int | None = None


class Problem(BaseModel):
    """A problem detail; `faults` lists what is wrong with the request."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    request_id: str | None = None
    faults: list[FaultView] = []


def install(api: FastAPI) -> None:
    """Answer every failure of `api` as a problem detail."""
    api.add_exception_handler(SeedbedError, anticipated)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(HTTPException, _http)
    api.add_exception_handler(OSError, _system)
    api.add_exception_handler(ClientDisconnect, _gone)
    for kind in AWAY:
        if not issubclass(kind, SeedbedError):
            api.add_exception_handler(kind, database_away)
    api.add_exception_handler(Exception, _defect)


def _answer(
    request: HTTPConnection,
    status: int,
    detail: str,
    faults: list[FaultView] | None = None,
    more_headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    problem = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        # It may quote an id that was a key, put into the wrong place.
        detail=without_keys(detail),
        instance=without_keys(request.url.path),
        request_id=request_id_of(request),
        faults=(faults or [])[:_MAX_FAULTS],
    )
    headers = {**STRICT_HEADERS, **(more_headers or {})}
    if status == HTTPStatus.UNAUTHORIZED:
        headers.update(_CHALLENGE)
    if problem.request_id is not None:
        # The answer to a defect does not pass through the middleware that sets these.
        headers[HEADER] = problem.request_id
    return JSONResponse(problem.model_dump(), status, headers, media_type=MEDIA_TYPE)


def anticipated(request: HTTPConnection, error: Exception) -> JSONResponse:
    """Answer an expected failure; public for middleware, which runs outside the handlers."""
    kinds = (status for kind, status in _STATUS.items() if isinstance(error, kind))
    status = next(kinds, HTTPStatus.INTERNAL_SERVER_ERROR)
    faults = error.faults if isinstance(error, InvalidInput) else ()
    answer = _answer(request, status, str(error), [_view(fault) for fault in faults])
    if isinstance(error, Busy):
        answer.headers["Retry-After"] = str(error.retry_after_s)
    return answer


def _view(fault: Fault) -> FaultView:
    return FaultView(message=fault.message, line=fault.line, field=fault.field, row=fault.row)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    errors = error.errors() if isinstance(error, RequestValidationError) else []
    faults = [
        FaultView(message=fault_message(e), field=field_path(e["loc"][1:]))
        for e in errors[:_MAX_FAULTS]
    ]
    return _answer(request, 422, "The request has faults.", faults)


def _http(request: Request, error: Exception) -> JSONResponse:
    # FastAPI answers 400 for a body that is not JSON in ways it did not think of (not UTF-8,
    # nested too deeply) and for one that our limit cut off; the reason is the error's cause.
    cause = error.__cause__
    if isinstance(cause, SeedbedError):
        return anticipated(request, cause)
    if isinstance(cause, ValueError | RecursionError):
        return _answer(request, 422, "The body is not JSON.", [FaultView(message=str(cause))])
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = str(error.detail) if isinstance(error, HTTPException) else "Unexpected."
    return _answer(request, status, detail, more_headers=getattr(error, "headers", None))


def database_away(request: HTTPConnection, error: Exception) -> JSONResponse:
    """Answer that the database can't be asked; public for middleware."""
    _log.error("%s: the database failed: %s", request.url.path, error)
    detail = "The database does not answer, or is too busy; try again later."
    return _answer(request, 503, detail, more_headers=_RETRY)


def _gone(_request: Request, _error: Exception) -> Response:
    # Nobody reads it; without it, each caller that hangs up would be logged as a defect.
    return Response(status_code=HTTPStatus.BAD_REQUEST)


def _system(request: Request, error: Exception) -> JSONResponse:
    """Answer an error of the system: a full or read-only disk, or else a defect."""
    path = Path(str(getattr(error, "filename", None) or "a file"))
    why = refusal(error, path) if isinstance(error, OSError) else None
    if why is None:
        raise error
    return anticipated(request, OutOfSpace(why))


def _defect(request: Request, error: Exception) -> JSONResponse:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _answer(request, 500, "A defect of the service; its log has the details.")


class AnswerFailures:
    """Middleware that answers the expected failures of other middleware, such as no database."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        started = False

        async def noticed(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noticed)
        except (SeedbedError, *AWAY) as error:
            if started:
                raise
            answer = anticipated if isinstance(error, SeedbedError) else database_away
            await answer(HTTPConnection(scope), error)(scope, receive, send)
