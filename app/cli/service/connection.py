"""HTTP connection to the service; problem details become the failures of `app.errors`."""

import math
import secrets
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeAlias, TypeVar
from urllib.parse import quote

import httpx
from httpx_sse import EventSource, ServerSentEvent
from pydantic import BaseModel, ConfigDict, ValidationError

from app.errors import (
    Conflict,
    Fault,
    Forbidden,
    InvalidInput,
    NotFound,
    SeedbedError,
    ServiceUnreachable,
    Unauthenticated,
)

_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_PAGE_SIZE = 100
Json: TypeAlias = dict[str, Any]
"""A JSON object; `Any` because that is what JSON is."""
_Kind = TypeVar("_Kind", bound=BaseModel)


class Resource(NamedTuple):
    """The resource that a request names, for the message of a 404."""

    kind: str
    id: str


class _FaultFields(BaseModel):
    message: str
    line: int | None = None
    field: str | None = None
    row: int | None = None


class _Page(BaseModel):
    items: list[Json]
    next_cursor: str | None = None


class _Problem(BaseModel):
    """Problem details (RFC 9457), read leniently: any error page must give a message."""

    model_config = ConfigDict(extra="ignore")
    title: str = ""
    detail: str | None = None
    faults: tuple[_FaultFields, ...] = ()


class ServiceConnection:
    """Connection to one service.

    Every method raises:
        ServiceUnreachable: the service did not answer.
        InvalidInput, NotFound, Conflict: as the service says (422 and 400, 404, 409).
        Unauthenticated, Forbidden: the key is missing, or does not allow the request (401, 403).
        SeedbedError: any other error.
    """

    def __init__(self, url: str, *, through_proxy: bool, key: str | None = None) -> None:
        self.url = url
        self._http = httpx.Client(
            base_url=url,
            # httpx drops this header when a redirect leads to another host.
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

    def send(self, request: httpx.Request, resource: Resource | None = None) -> httpx.Response:
        """Send a request; return its response with an unread body, which the caller closes."""
        try:
            response = self._http.send(request, stream=True)
            if not response.is_success:
                response.read()  # Reads to the end, which also closes the response.
                raise _failure(response, resource)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        return response

    def read(
        self, kind: type[_Kind], request: httpx.Request, resource: Resource | None = None
    ) -> _Kind:
        """Send a request; return the answer as `kind`."""
        return self.parse(kind, self.json(request, resource))

    def create(self, kind: type[_Kind], path: str, body: Mapping[str, object]) -> _Kind:
        """Send a POST with an idempotency key; retry once when the answer is lost.

        The service creates one thing, however often the request arrives.
        """
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        request = self.request("POST", path, json=dict(body), headers=headers)
        try:
            return self.read(kind, request)
        except ServiceUnreachable:
            return self.read(kind, request)

    def list_all(
        self,
        kind: type[_Kind],
        path: str,
        query: Mapping[str, str],
        limit: int | None = None,
        resource: Resource | None = None,
    ) -> Iterator[_Kind]:
        """Yield the items of a listing, page by page; at most `limit` of them."""
        cursor: str | None = None
        left = math.inf if limit is None else limit
        while left > 0:
            wanted = {**query, "limit": str(min(left, _PAGE_SIZE))}
            if cursor is not None:
                wanted["cursor"] = cursor
            request = self.request("GET", path, params=wanted)
            page = self._page(self.json(request, resource))
            for item in page.items:
                yield self.parse(kind, item)
            left -= len(page.items)
            cursor = page.next_cursor
            if cursor is None or not page.items:
                return

    def _page(self, answer: Json) -> _Page:
        try:
            return _Page.model_validate(answer)
        except ValidationError as error:
            raise not_seedbed(self.url) from error

    def parse(self, kind: type[_Kind], answer: Json) -> _Kind:
        """Return an answer, or a part of one, as `kind`."""
        try:
            return kind.model_validate(answer)
        except ValidationError as error:
            raise not_seedbed(self.url) from error

    def json(self, request: httpx.Request, resource: Resource | None = None) -> Json:
        """Send a request; return the JSON object that answers it."""
        answer = self._answer(request, resource)
        if not isinstance(answer, dict):
            raise not_seedbed(self.url)
        return answer

    def json_list(self, request: httpx.Request, resource: Resource | None = None) -> list[Json]:
        """Send a request; return the list of JSON objects that answers it."""
        answer = self._answer(request, resource)
        if not isinstance(answer, list) or not all(isinstance(each, dict) for each in answer):
            raise not_seedbed(self.url)
        return answer

    def _answer(self, request: httpx.Request, resource: Resource | None) -> object:
        response = self.send(request, resource)
        try:
            response.read()
            return response.json()
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        except ValueError as error:
            raise not_seedbed(self.url) from error
        finally:
            response.close()

    def chunks(self, request: httpx.Request, resource: Resource | None = None) -> Iterator[bytes]:
        """Send a request; yield the body of its answer in chunks."""
        return self.body_of(self.send(request, resource))

    def body_of(self, response: httpx.Response) -> Iterator[bytes]:
        """Yield the body of a response in chunks, and close it."""
        try:
            yield from response.iter_bytes()
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        finally:
            response.close()

    def server_sent_events(self, response: httpx.Response) -> Iterator[ServerSentEvent]:
        """Yield the server-sent events of a response as they arrive, and close it.

        An event that is cut off at the end is left out.
        """
        try:
            yield from EventSource(response).iter_sse()
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        finally:
            response.close()

    def _unreachable(self, error: httpx.HTTPError) -> ServiceUnreachable:
        if isinstance(error, httpx.ConnectError):
            return ServiceUnreachable(
                f"No service answers at {self.url}. Start one with `seedbed up`, or give the "
                "address of another with --api or SEEDBED_API_URL."
            )
        reason = str(error) or type(error).__name__
        return ServiceUnreachable(f"The service at {self.url} stopped answering: {reason}.")


def _failure(response: httpx.Response, resource: Resource | None) -> SeedbedError:
    try:
        problem = _Problem.model_validate_json(response.content)
    except ValidationError:
        problem = _Problem(title=response.reason_phrase)
    message = problem.detail or problem.title or response.reason_phrase
    faults = [Fault(fault.message, fault.line, fault.field, fault.row) for fault in problem.faults]
    match response.status_code:
        case 404 if resource is not None:
            return NotFound(*resource)
        case 400 | 413 | 415 | 422:
            return InvalidInput(message, faults)
        case 401:
            return Unauthenticated(f"{message} Set SEEDBED_API_KEY to the key to send.")
        case 403:
            return Forbidden(message)
        case 409:
            return Conflict(message)
        case status:
            return SeedbedError(f"The service failed ({status}): {message}")


def not_seedbed(url: str) -> SeedbedError:
    """Return the failure for an answer that does not come from a Seedbed service."""
    return SeedbedError(
        f"What answers at {url} is not a Seedbed service of this version; check --api and "
        "SEEDBED_API_URL."
    )


def segment(identifier: str) -> str:
    """Quote an identifier as one segment of a URL path, whatever the user typed."""
    return quote(identifier, safe="").replace(".", "%2E") or "-"
