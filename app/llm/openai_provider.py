"""Model calls to any OpenAI-compatible endpoint.

openai's client builds the requests, holds the connections and raises the errors; the replies it
hands over as they came. Parsed into its own classes a call costs three times the processor time,
and truncated JSON, pages with status 200 and null choices come through unseen.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import urlsplit

import httpx2
import openai

from app.errors import ConfigurationError, ItemTrouble, ProviderTrouble
from app.llm.failures import (
    OTHER_NAME,
    failure_of_body,
    failure_of_error,
    is_page,
    plain,
    scrubbed,
    sendable,
    tls,
    uses_proxy,
    wants_other_name,
)
from app.llm.questions import LengthName, question
from app.llm.replies import json_object, read_completion
from app.llm.trouble import Failure, trouble_of
from app.pipeline.types import Completion, Request

MOST_BYTES = 4 * 1024 * 1024
"""Of a reply, as it comes over the wire; a longer one is not read to its end."""
MOST_ERROR_BYTES = 64 * 1024
CONNECT_TIMEOUT_S = 10.0
LANE_WIDTH = 16
"""Calls in the air per client. A connection pool looks at each of its connections for each call:
with 256 in the air one pool costs half of the processor time of a call."""


class OpenAIProvider:
    """One endpoint and one model; `base_url` ends in ``/v1``; local endpoints need no key.

    A call that takes longer than `timeout_s` as a whole is an `Outage`. Belongs to the event loop
    it was made in. `ConfigurationError` when `base_url` or `api_key` cannot be sent at all.
    """

    def __init__(self, base_url: str, api_key: str | None, model: str, timeout_s: float) -> None:
        self._model = model
        self._timeout_s = timeout_s
        self._api_key = sendable(api_key)
        self._length_name: LengthName = "max_tokens"
        try:
            self._host = urlsplit(base_url).netloc.rpartition("@")[2]
            self._make_client = partial(_client, base_url, self._api_key, timeout_s)
            self._lanes = [_Lane(self._make_client())]
        except (httpx2.InvalidURL, ValueError) as error:
            raise ConfigurationError(f"OPENAI_BASE_URL is not an address: {error}.") from None

    async def complete(self, request: Request) -> Completion:
        """Ask once; raises the kind of `ProviderTrouble` that `trouble` names."""
        answer: httpx2.Response | Failure
        try:
            # The client's own time-out is per read: a reply that trickles never reaches it.
            async with asyncio.timeout(self._timeout_s):
                answer = await self._ask(request)
        except TimeoutError:
            answer = Failure("timeout", f"no whole answer in {self._timeout_s:g} s")
        # Raised out here, where no error of the client hangs on as context: it holds the request
        # with its headers, and the provider's words unscrubbed.
        if isinstance(answer, Failure):
            raise self._trouble(answer)
        return self._read(answer)

    async def aclose(self) -> None:
        """Close the connections."""
        for lane in self._lanes:
            await lane.client.close()

    async def _ask(self, request: Request) -> httpx2.Response | Failure:
        length_name = self._length_name
        answer = await self._post(request, length_name)
        if isinstance(answer, Failure) and wants_other_name(answer, length_name):
            # Reasoning models take only the newer name, most other servers only the older one.
            # Remembered: only the first calls pay for the lesson.
            self._length_name = OTHER_NAME[length_name]
            answer = await self._post(request, self._length_name)
        return answer

    async def _post(self, request: Request, length_name: LengthName) -> httpx2.Response | Failure:
        path, body = question(request, self._model, length_name)
        lane = self._free_lane()
        lane.in_air += 1
        try:
            return await lane.client.post(path, cast_to=httpx2.Response, body=body)
        except openai.APIError as error:
            return failure_of_error(error, self._host)
        finally:
            lane.in_air -= 1

    def _free_lane(self) -> "_Lane":
        for lane in self._lanes:
            if lane.in_air < LANE_WIDTH:
                return lane
        self._lanes.append(_Lane(self._make_client()))
        return self._lanes[-1]

    def _read(self, response: httpx2.Response) -> Completion:
        try:
            return self._read_checked(response)
        except ItemTrouble as trouble:
            told = ItemTrouble(self._scrubbed(str(trouble)))
        # It was answered, only not with what was asked for.
        told.may_be_paid = True
        raise told

    def _read_checked(self, response: httpx2.Response) -> Completion:
        if is_page(response.headers, response.content[:64]):
            raise self._trouble(Failure("web page", plain(response.text)))
        reply = json_object(response.content)
        error = reply.get("error")
        if error and "choices" not in reply:
            # Some gateways tell even a throttle with status 200.
            raise self._trouble(failure_of_body(error, 0, response.headers))
        return read_completion(reply, self._model)

    def _trouble(self, failure: Failure) -> ProviderTrouble:
        kept = replace(failure, words=self._scrubbed(failure.words))
        return trouble_of(kept, time.time())

    def _scrubbed(self, words: str) -> str:
        return scrubbed(words, self._api_key)


def _client(base_url: str, api_key: str, timeout_s: float) -> openai.AsyncOpenAI:
    timeout = httpx2.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s))
    return openai.AsyncOpenAI(
        base_url=base_url,
        # Given none, the client would look for one in the environment.
        api_key=api_key or "none",
        max_retries=0,
        timeout=timeout,
        # Compressed replies could grow a thousandfold behind the bound on the wire.
        default_headers={"Accept-Encoding": "identity"},
        http_client=openai.DefaultAsyncHttpxClient(
            timeout=timeout,
            verify=tls(),
            # Fanout is what bounds the calls in the air.
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=1024),
            trust_env=uses_proxy(base_url),
            event_hooks={"response": [_bound_body]},
        ),
    )


@dataclass(slots=True)
class _Lane:
    client: openai.AsyncOpenAI
    in_air: int = 0


class _BoundedBody(httpx2.AsyncByteStream):
    """A reply's body that ends, or raises `ItemTrouble`, at its bound."""

    def __init__(self, body: httpx2.AsyncByteStream, is_error: bool) -> None:
        self._body = body
        self._is_error = is_error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        most = MOST_ERROR_BYTES if self._is_error else MOST_BYTES
        seen = 0
        async for chunk in self._body:
            seen += len(chunk)
            if seen > most and self._is_error:
                # Its beginning is enough to tell what kind it is.
                return
            if seen > most:
                raise ItemTrouble(f"The answer is larger than {most:,} bytes.")
            yield chunk

    async def aclose(self) -> None:
        await self._body.aclose()


async def _bound_body(response: httpx2.Response) -> None:
    if isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _BoundedBody(response.stream, response.status_code >= 400)
