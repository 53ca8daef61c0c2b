"""The connection of the command line to the HTTP API: problem details become `app.errors`."""

import math
import secrets
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import NamedTuple, Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from app.cli.service.answers import Answer, Json
from app.errors import (
    Conflict,
    Fault,
    Forbidden,
    InvalidInput,
    NotFound,
    SeedbedError,
    Unauthenticated,
)

_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_PAGE = 100
_Kind = TypeVar("_Kind", bound=Answer)


class About(NamedTuple):
    """What a request is about, for the words of a 404."""

    kind: str
    id: str


class ServiceAway(SeedbedError):
    """The service cannot be reached, or the connection broke; asking again may help."""


class _FaultFields(BaseModel):
    message: str
    line: int | None = None
    field: str | None = None


class _Page(BaseModel):
    items: list[Json]
    next_cursor: str | None = None


class _Problem(BaseModel):
    """RFC 9457, leniently: any error page must become a sentence."""

    model_config = ConfigDict(extra="ignore")
    title: str = ""
    detail: str | None = None
    faults: tuple[_FaultFields, ...] = ()


class ServiceConnection:
    """One service.

    Every method raises:
        ServiceAway: it did not answer.
        InvalidInput, NotFound, Conflict: as the service says (422 and 400, 404, 409).
        Unauthenticated, Forbidden: `key` is missing, or does not allow it (401, 403).
        SeedbedError: anything else but success.
    """

    def __init__(self, url: str, *, through_proxy: bool, key: str | None = None) -> None:
        self.url = url
        self._http = httpx.Client(
            base_url=url,
            # A redirect to another host is followed without it.
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=_TIMEOUT,
            trust_env=through_proxy,
            follow_redirects=True,
        )
        self.request = self._http.build_request

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def pieces(self, request: httpx.Request, about: About | None = None) -> Iterator[bytes]:
        """An answer's body, piece by piece."""
        return self.received(self.sent(request, about))

    def received(self, response: httpx.Response) -> Iterator[bytes]:
        """The body of an answer that began well, piece by piece."""
        try:
            yield from response.iter_bytes()
        except httpx.HTTPError as error:
            raise self._away(error) from error
        finally:
            response.close()

    def lines(self, response: httpx.Response) -> Iterator[str]:
        """An answer's lines as they come."""
        # Not the response's own way of splitting, which also takes characters for ends of lines
        # that JSON leaves as they are.
        rest = b""
        try:
            for piece in response.iter_bytes():
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    yield line.decode(errors="replace")
        except httpx.HTTPError as error:
            raise self._away(error) from error
        finally:
            response.close()

    def pages(
        self, path: str, query: Mapping[str, str], limit: int | None, about: About | None = None
    ) -> Iterator[list[Json]]:
        """A listing's items, page by page; `limit` of them at most."""
        cursor: str | None = None
        left = math.inf if limit is None else limit
        while left > 0:
            wanted = {**query, "limit": str(min(left, _PAGE))}
            if cursor is not None:
                wanted["cursor"] = cursor
            request = self.request("GET", path, params=wanted)
            items, cursor = self._read_page(self.json(request, about))
            yield items
            left -= len(items)
            if cursor is None or not items:
                return

    def _read_page(self, answer: Json) -> tuple[list[Json], str | None]:
        try:
            page = _Page.model_validate(answer)
        except ValidationError as error:
            raise not_ours(self.url) from error
        return page.items, page.next_cursor

    def started(self, kind: type[_Kind], path: str, body: Mapping[str, object]) -> _Kind:
        """What a POST began. Lost answers are asked for again, and nothing begins twice."""
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        request = self.request("POST", path, json=dict(body), headers=headers)
        try:
            return self.read(kind, request)
        except ServiceAway:
            return self.read(kind, request)

    def listed(
        self,
        kind: type[_Kind],
        path: str,
        query: Mapping[str, str],
        limit: int | None = None,
        about: About | None = None,
    ) -> Iterator[_Kind]:
        """A listing's items; `limit` of them at most."""
        for page in self.pages(path, query, limit, about):
            for item in page:
                yield self.parsed(kind, item)

    def read(self, kind: type[_Kind], request: httpx.Request, about: About | None = None) -> _Kind:
        """An answer of this kind."""
        return self.parsed(kind, self.json(request, about))

    def parsed(self, kind: type[_Kind], answer: Json) -> _Kind:
        """An answer, or a part of one, as this kind."""
        try:
            return kind.model_validate({**answer, "as_sent": answer})
        except ValidationError as error:
            raise not_ours(self.url) from error

    def json(self, request: httpx.Request, about: About | None = None) -> Json:
        """An answer that is a JSON object."""
        answer = self._answer(request, about)
        if not isinstance(answer, dict):
            raise not_ours(self.url)
        return answer

    def json_list(self, request: httpx.Request, about: About | None = None) -> list[Json]:
        """An answer that is a list of JSON objects."""
        answer = self._answer(request, about)
        if not isinstance(answer, list) or not all(isinstance(each, dict) for each in answer):
            raise not_ours(self.url)
        return answer

    def _answer(self, request: httpx.Request, about: About | None) -> object:
        response = self.sent(request, about)
        try:
            response.read()
            return response.json()
        except httpx.HTTPError as error:
            raise self._away(error) from error
        except ValueError as error:
            raise not_ours(self.url) from error
        finally:
            response.close()

    def sent(self, request: httpx.Request, about: About | None = None) -> httpx.Response:
        """An answer that began well; the caller reads and closes it."""
        try:
            response = self._http.send(request, stream=True)
            if not response.is_success:
                response.read()  # All of it, which also closes the response.
                raise _failure(response, about)
        except httpx.HTTPError as error:
            raise self._away(error) from error
        return response

    def _away(self, error: httpx.HTTPError) -> ServiceAway:
        if isinstance(error, httpx.ConnectError):
            return ServiceAway(
                f"No service answers at {self.url}. Start one with `seedbed up`, or name another "
                "with --api or SEEDBED_API_URL."
            )
        reason = str(error) or type(error).__name__
        return ServiceAway(f"The service at {self.url} stopped answering: {reason}.")


def _failure(response: httpx.Response, about: About | None) -> SeedbedError:
    try:
        problem = _Problem.model_validate_json(response.content)
    except ValidationError:
        problem = _Problem(title=response.reason_phrase)
    said = problem.detail or problem.title or response.reason_phrase
    faults = [Fault(fault.message, fault.line, fault.field) for fault in problem.faults]
    match response.status_code:
        case 404 if about is not None:
            return NotFound(*about)
        case 400 | 413 | 415 | 422:
            return InvalidInput(said, faults)
        case 401:
            return Unauthenticated(f"{said} The command line sends the one in SEEDBED_API_KEY.")
        case 403:
            return Forbidden(said)
        case 409:
            return Conflict(said)
        case status:
            return SeedbedError(f"The service failed ({status}): {said}")


def not_ours(url: str) -> SeedbedError:
    """Something else answers there."""
    return SeedbedError(f"What answers at {url} is not this service.")


def segment(identifier: str) -> str:
    """An identifier as one segment of a path, whatever was typed."""
    return quote(identifier, safe="").replace(".", "%2E") or "-"
