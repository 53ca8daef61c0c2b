"""The HTTP API as the command line uses it: problem details become the failures of `app.errors`."""

import math
import uuid
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Self
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from app.cli.answers import Estimate, Event, Json, Run, SeedSet
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


class ServiceClient:
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def post_seed_set(self, jsonl: bytes, name: str) -> SeedSet:
        """Store a seed set, or find the stored one of the same content."""
        request = self._http.build_request(
            "POST",
            "/v1/seed-sets",
            content=jsonl,
            params={"name": name},
            headers={"Content-Type": "application/x-ndjson"},
        )
        try:
            return SeedSet.model_validate(self._json(request))
        except ValidationError as error:
            raise _not_ours(self.url) from error

    def start_run(
        self, source: Mapping[str, str], options: Mapping[str, object], budget: Mapping[str, object]
    ) -> Run:
        """Queue a run of a source, such as ``{"seed_set_id": ...}`` or ``{"dataset_id": ...}``.

        The request carries a key, so that a broken connection starts only one.
        """
        request = self._http.build_request(
            "POST",
            "/v1/runs",
            json={**source, "options": dict(options), "budget": dict(budget)},
            headers={"Idempotency-Key": str(uuid.uuid4())},
        )
        try:
            return self._read_run(self._json(request))
        except ServiceAway:
            return self._read_run(self._json(request))

    def run(self, run_id: str) -> Run:
        """A run as it is now."""
        request = self._http.build_request("GET", f"/v1/runs/{_segment(run_id)}")
        return self._read_run(self._json(request, run_id))

    def runs(self, limit: int | None = None, /, **filters: str) -> Iterator[Run]:
        """Runs, newest first; the newest `limit` only, or all."""
        for page in self._pages("/v1/runs", filters, limit):
            yield from map(self._read_run, page)

    def events(self, run_id: str) -> Iterator[Event]:
        """What has happened to a run, from the beginning."""
        for page in self._pages(f"/v1/runs/{_segment(run_id)}/events", {}, None, run_id):
            try:
                yield from map(Event.model_validate, page)
            except ValidationError as error:
                raise _not_ours(self.url) from error

    def event_lines(self, run_id: str, after_id: int | None) -> Iterator[str] | None:
        """The lines of a run's event stream, after one of its events.

        None when the run has ended and there is nothing after that event.
        """
        headers = {"Accept": "text/event-stream"}
        if after_id is not None:
            headers["Last-Event-ID"] = str(after_id)
        path = f"/v1/runs/{_segment(run_id)}/events"
        response = self._sent(self._http.build_request("GET", path, headers=headers), run_id)
        if response.status_code == httpx.codes.NO_CONTENT:
            response.close()
            return None
        if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
            response.close()
            raise _not_ours(self.url)
        return self._lines(response)

    def act(self, run_id: str, action: str, body: Mapping[str, object] | None = None) -> Run:
        """Cancel, pause, resume or extend a run; the run after that."""
        path = f"/v1/runs/{_segment(run_id)}/{action}"
        request = self._http.build_request("POST", path, json=body)
        return self._read_run(self._json(request, run_id))

    def estimate_run(self, source: Mapping[str, str], options: Mapping[str, object]) -> Estimate:
        """What a run of a source would take."""
        body = {**source, "options": dict(options), "dry_run": True}
        return self._read_estimate(self._http.build_request("POST", "/v1/runs", json=body))

    def estimate_extension(self, run_id: str, extension: Mapping[str, object]) -> Estimate:
        """What a run has still to take."""
        path = f"/v1/runs/{_segment(run_id)}/extend"
        body = {**extension, "dry_run": True}
        return self._read_estimate(self._http.build_request("POST", path, json=body), run_id)

    def _read_estimate(self, request: httpx.Request, run_id: str | None = None) -> Estimate:
        answer = self._json(request, run_id)
        try:
            return Estimate.model_validate({**answer, "as_sent": answer})
        except ValidationError as error:
            raise _not_ours(self.url) from error

    def dataset(self, run_id: str) -> Iterator[bytes]:
        """The run's data set, piece by piece."""
        request = self._http.build_request("GET", f"/v1/runs/{_segment(run_id)}/dataset")
        response = self._sent(request, run_id)
        try:
            yield from response.iter_bytes()
        except httpx.HTTPError as error:
            raise self._away(error) from error
        finally:
            response.close()

    def _lines(self, response: httpx.Response) -> Iterator[str]:
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

    def _pages(
        self, path: str, query: Mapping[str, str], limit: int | None, run_id: str | None = None
    ) -> Iterator[list[Json]]:
        cursor: str | None = None
        left = math.inf if limit is None else limit
        while left > 0:
            wanted = {**query, "limit": str(min(left, _PAGE))}
            if cursor is not None:
                wanted["cursor"] = cursor
            request = self._http.build_request("GET", path, params=wanted)
            items, cursor = self._read_page(self._json(request, run_id))
            yield items
            left -= len(items)
            if cursor is None or not items:
                return

    def _read_run(self, answer: Json) -> Run:
        try:
            return Run.model_validate({**answer, "as_sent": answer})
        except ValidationError as error:
            raise _not_ours(self.url) from error

    def _read_page(self, answer: Json) -> tuple[list[Json], str | None]:
        try:
            page = _Page.model_validate(answer)
        except ValidationError as error:
            raise _not_ours(self.url) from error
        return page.items, page.next_cursor

    def _json(self, request: httpx.Request, run_id: str | None = None) -> Json:
        response = self._sent(request, run_id)
        try:
            response.read()
            answer = response.json()
        except httpx.HTTPError as error:
            raise self._away(error) from error
        except ValueError as error:
            raise _not_ours(self.url) from error
        finally:
            response.close()
        if not isinstance(answer, dict):
            raise _not_ours(self.url)
        return answer

    def _sent(self, request: httpx.Request, run_id: str | None) -> httpx.Response:
        try:
            response = self._http.send(request, stream=True)
            if not response.is_success:
                response.read()  # All of it, which also closes the response.
                raise _failure(response, run_id)
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


def _failure(response: httpx.Response, run_id: str | None) -> SeedbedError:
    try:
        problem = _Problem.model_validate_json(response.content)
    except ValidationError:
        problem = _Problem(title=response.reason_phrase)
    said = problem.detail or problem.title or response.reason_phrase
    faults = [Fault(fault.message, fault.line, fault.field) for fault in problem.faults]
    match response.status_code:
        case 404 if run_id is not None:
            return NotFound("run", run_id)
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


def _not_ours(url: str) -> SeedbedError:
    return SeedbedError(f"What answers at {url} is not this service.")


def _segment(identifier: str) -> str:
    """An identifier as one segment of a path, whatever was typed."""
    return quote(identifier, safe="").replace(".", "%2E") or "-"
