"""The HTTP client of an endpoint's Batch API: JSON answers, files line by line, and errors.

It is synchronous, unlike model calls: these calls are few, and never many at a time.
"""

import re
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

import httpx2
import openai

from app.errors import ConfigurationError, ItemError, Outage, ProviderError
from app.llm.address import Address, new_base, read_address
from app.llm.batch_api.errors import BATCH_TABLE
from app.llm.batch_api.lines import lines_of
from app.llm.classify_errors import About, Failure, classify
from app.llm.failures.error_bodies import error_in, failure_of_body, plain
from app.llm.json_fields import JsonObject
from app.llm.parse_errors import (
    failure_of_error,
    is_page,
    scrubbed,
    sendable,
    tls,
    uses_proxy,
)
from app.llm.replies import json_object

CONNECT_TIMEOUT_S = 10.0
MAX_BYTES = 4 * 1024 * 1024
"""Longest JSON answer; a page of a hundred batches is far smaller."""
MAX_ERROR_BYTES = 64 * 1024

# Any: the class that openai would parse the body into, which is never used.
Call: TypeAlias = AbstractContextManager[openai.APIResponse[Any]]
"""A call of openai's client, sent when the context is entered."""


class BatchConnection:
    """Connections to one endpoint. Not thread-safe; create it after a fork.

    `timeout_s` limits each read, and the whole of an answer or of one line of a file; a large file
    may take longer.

    Raises:
        ConfigurationError: `base_url` or `api_key` cannot be sent at all.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None,
        timeout_s: float,
        extra_headers: Mapping[str, str] | None = None,
    ) -> None:
        self._timeout_s = timeout_s
        self._api_key = sendable(api_key)
        try:
            address = read_address(base_url)
            self._host = address.host
            extra = extra_headers or {}
            self.client = _client(address, self._api_key, timeout_s, extra)
        except (httpx2.InvalidURL, ValueError) as error:
            raise ConfigurationError(f"OPENAI_BASE_URL is not an address: {error}.") from None

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    def ask(self, about: About, call: Call) -> JsonObject:
        """Send one call and return its JSON object, without a retry.

        Raises:
            ProviderError: The kind that `BATCH_TABLE` names; `Outage` when the answer is no JSON
                object, because the call can be repeated.
        """
        # Raised outside the handlers: an error of the client, left as context, would hold the
        # request with its headers, and the provider's message unscrubbed.
        answer = self._answer(call)
        if isinstance(answer, Failure):
            raise self.trouble(replace(answer, about=about))
        words = ""
        try:
            reply = json_object(answer)
        except ItemError as trouble:
            words = str(trouble)
        if words:
            raise Outage(self.scrubbed(words))
        error = error_in(reply)
        if error is not None and not ("id" in reply or "data" in reply):
            raise self.trouble(replace(failure_of_body(error, 0, {}), about=about))
        return reply

    def lines(self, file_id: str) -> Iterator[bytes]:
        """Stream the lines of a file, one in memory at a time; raises what `ask` raises.

        Closing the generator early closes the connection.
        """
        failure: Failure | None = None
        try:
            with self.client.files.with_streaming_response.content(file_id) as response:
                for n, line in enumerate(lines_of(self._chunks(response, by_line=True))):
                    if n == 0 and is_page(response.headers, line[:64]):
                        failure = _page(line)
                        break
                    if line.strip():
                        yield line
        except (openai.APIError, httpx2.HTTPError) as error:
            failure = self._failure_of(error)
        if failure is not None:
            raise self.trouble(replace(failure, about="batch"))

    def trouble(self, failure: Failure) -> ProviderError:
        """Return the error to raise for a failure, by `BATCH_TABLE`."""
        kept = replace(failure, words=self.scrubbed(failure.words))
        return classify(kept, time.time(), BATCH_TABLE)

    def scrubbed(self, words: str) -> str:
        """Return a message without the API key."""
        return scrubbed(words, self._api_key)

    def _answer(self, call: Call) -> bytes | Failure:
        body = bytearray()
        try:
            with call as response:
                for chunk in self._chunks(response, by_line=False):
                    body += chunk
                    if len(body) > MAX_BYTES:
                        # Cut off here, it is reported as broken JSON.
                        break
                page = is_page(response.headers, bytes(body[:64]))
        except (openai.APIError, httpx2.HTTPError) as error:
            return self._failure_of(error)
        return _page(bytes(body[:4096])) if page else bytes(body)

    def _failure_of(self, error: openai.APIError | httpx2.HTTPError) -> Failure:
        # The client may wrap what a hook raises, once or more.
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, _Moved):
                return cause.failure
            cause = cause.__cause__ or cause.__context__
        return failure_of_error(error, self._host)

    def _chunks(self, response: openai.APIResponse[Any], *, by_line: bool) -> Iterator[bytes]:
        """Stream the body, with a timeout for the whole of an answer or a line.

        The client's own timeout is per read, so a slow trickle would never reach it. The time that
        the reader takes between two chunks does not count.
        """
        waited_s = 0.0
        chunks = response.iter_bytes()
        while True:
            asked_at_s = time.monotonic()
            chunk = next(chunks, None)
            waited_s += time.monotonic() - asked_at_s
            if chunk is None:
                return
            if by_line and b"\n" in chunk:
                waited_s = 0.0
            if waited_s > self._timeout_s:
                what = "line" if by_line else "answer"
                raise httpx2.ReadTimeout(f"no whole {what} in {self._timeout_s:g} s")
            yield chunk


_OTHER_CALL = (301, 302, 303)
"""Redirects after which a POST would become a GET."""
_BELOW_BASE = re.compile(r"/(?:files|batches(?:/[^/]+/cancel)?)/?\Z")


class _Moved(httpx2.HTTPError):
    """A redirect that would turn a POST into a GET, which the provider would not understand."""

    def __init__(self, response: httpx2.Response) -> None:
        super().__init__("redirect")
        path = _BELOW_BASE.search(response.request.url.path)
        base = new_base(
            str(response.request.url), response.headers["location"], path.group() if path else ""
        )
        self.failure = Failure("status", f"the endpoint has moved to {base}", response.status_code)


class _BeginningOf(httpx2.SyncByteStream):
    """The beginning of an error's body: enough to classify it."""

    def __init__(self, body: httpx2.SyncByteStream, timeout_s: float) -> None:
        self._body = body
        self._until_s = time.monotonic() + timeout_s

    def __iter__(self) -> Iterator[bytes]:
        seen = 0
        for chunk in self._body:
            seen += len(chunk)
            if seen > MAX_ERROR_BYTES or time.monotonic() > self._until_s:
                return
            yield chunk

    def close(self) -> None:
        self._body.close()


def _client(
    address: Address, api_key: str, timeout_s: float, extra_headers: Mapping[str, str]
) -> openai.OpenAI:
    timeout = httpx2.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s))

    def refuse_redirect(response: httpx2.Response) -> None:
        is_post = response.request.method == "POST"
        if is_post and response.status_code in _OTHER_CALL and "location" in response.headers:
            raise _Moved(response)

    def bound_error(response: httpx2.Response) -> None:
        if response.status_code >= 400 and isinstance(response.stream, httpx2.SyncByteStream):
            response.stream = _BeginningOf(response.stream, timeout_s)

    host = f"{address.login}@{address.host}" if address.login else address.host
    return openai.OpenAI(
        base_url=address.url.replace(address.host, host, 1),
        default_query=dict(parse_qsl(address.query)),
        # Given none, the client would look for one in the environment.
        api_key=api_key or "none",
        max_retries=0,
        timeout=timeout,
        # Compressed replies could grow a thousandfold behind the bound on the wire.
        default_headers={**extra_headers, "Accept-Encoding": "identity"},
        http_client=openai.DefaultHttpxClient(
            timeout=timeout,
            # Only https needs certificates: SSL_CERT_FILE may be wrong for an endpoint without.
            verify=tls() if address.scheme == "https" else ssl.create_default_context(),
            trust_env=uses_proxy(address.url),
            event_hooks={"response": [refuse_redirect, bound_error]},
        ),
    )


def _page(body: bytes) -> Failure:
    return Failure("web page", plain(body.decode(errors="replace")))
