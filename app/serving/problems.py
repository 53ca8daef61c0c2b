"""Errors in the form of the OpenAI API.

The counterpart of `app.api.problems` for served models.
"""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from app.errors import (
    ConfigurationError,
    InvalidInput,
    NotFound,
    OutOfSpace,
    SeedbedError,
    StackError,
    TooLong,
    TrainingError,
    fault_message,
)

_log = logging.getLogger(__name__)

_STATUS: Mapping[type[SeedbedError], HTTPStatus] = {
    InvalidInput: HTTPStatus.BAD_REQUEST,
    NotFound: HTTPStatus.NOT_FOUND,
    StackError: HTTPStatus.SERVICE_UNAVAILABLE,
    ConfigurationError: HTTPStatus.SERVICE_UNAVAILABLE,
    TrainingError: HTTPStatus.SERVICE_UNAVAILABLE,
    OutOfSpace: HTTPStatus.SERVICE_UNAVAILABLE,
}
_CODE: Mapping[type[SeedbedError], str] = {
    TooLong: "context_length_exceeded",
    NotFound: "model_not_found",
}


def install(app: FastAPI) -> None:
    """Make `app` answer every failure in the form of the OpenAI API.

    The handlers are coroutines: while all threads wait for a model, an error must not wait for one.
    """
    app.add_exception_handler(SeedbedError, _anticipated)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _defect)


def error_json(error: SeedbedError) -> dict[str, Any]:
    """Return an anticipated failure as JSON; `Any` because it is JSON."""
    faults = error.faults if isinstance(error, InvalidInput) else ()
    code = next((name for kind, name in _CODE.items() if isinstance(error, kind)), None)
    param = faults[0].field if faults else None
    words = [str(error), *[str(fault) for fault in faults if fault.field is None]]
    return _error(_status(error), " ".join(words), param, code)


def _status(error: SeedbedError) -> HTTPStatus:
    kinds = (status for kind, status in _STATUS.items() if isinstance(error, kind))
    return next(kinds, HTTPStatus.INTERNAL_SERVER_ERROR)


def _error(
    status: int, message: str, param: str | None = None, code: str | None = None
) -> dict[str, Any]:
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


async def _anticipated(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, SeedbedError):
        raise error
    return JSONResponse(error_json(error), _status(error))


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    errors = error.errors() if isinstance(error, RequestValidationError) else []
    first = errors[0] if errors else {"type": "", "msg": "The request has faults.", "loc": ()}
    # For invalid JSON the location is a character offset.
    location = () if first.get("type") == "json_invalid" else first["loc"][1:]
    path = ".".join(str(part) for part in location if not _is_type(part))
    return JSONResponse(_error(400, f"{path or 'body'}: {fault_message(first)}", path or None), 400)


def _is_type(part: object) -> bool:
    """Return True when a part of a location names a member of a union, not a field."""
    return isinstance(part, str) and (part == "str" or "[" in part)


async def _http(_: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = str(error.detail) if isinstance(error, HTTPException) else "Unexpected."
    return JSONResponse(_error(status, detail), status)


async def _defect(request: Request, error: Exception) -> JSONResponse:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return JSONResponse(_error(500, "A defect of the server; its log has the details."), 500)
