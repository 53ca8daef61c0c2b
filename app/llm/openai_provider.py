"""Model calls to any OpenAI-compatible endpoint.

openai's client builds the headers (key, organisation, project), `connections` sends the calls, and
`replies` reads the raw answers. Sent through that client, a call would cost three to ten times the
processor time, and truncated JSON, web pages with status 200 and null choices would go unnoticed.
"""

import asyncio
import json
import time
from dataclasses import replace

import httpx2
import openai

from app.errors import ConfigurationError, ItemError, Outage, ProviderError
from app.llm.answers.finish_reasons import checked_by_limit
from app.llm.answers.stream import is_stream, joined_stream
from app.llm.answers.usage import estimate_missing
from app.llm.classify_errors import Failure, classify
from app.llm.connections import Connections, Reply
from app.llm.failures.error_bodies import failure_of_body, plain
from app.llm.parse_errors import (
    OTHER_NAME,
    is_page,
    scrubbed,
    sendable,
    wants_other_name,
)
from app.llm.replies import json_object, read_plain, read_reply
from app.llm.request_body import LengthName, request_body
from app.pipeline.types import Completion, Request

# Decompressing costs processor time on both sides.
_OWN_HEADERS = {"Accept-Encoding": "identity"}


class OpenAIProvider:
    """One model at one endpoint, for the event loop in which it is first used.

    Args:
        base_url: Ends in ``/v1``.
        api_key: None for endpoints that need no key.
        model: The model that answers.
        timeout_s: Longest duration of a whole call, in seconds; a longer one is an `Outage`.

    Raises:
        ConfigurationError: `base_url` or `api_key` cannot be sent at all.
    """

    def __init__(self, base_url: str, api_key: str | None, model: str, timeout_s: float) -> None:
        self._model = model
        self._timeout_s = timeout_s
        self._api_key = sendable(api_key)
        self._length_name: LengthName = "max_tokens"
        try:
            self._connections = _connections(base_url, self._api_key)
        except (httpx2.InvalidURL, ValueError) as error:
            raise ConfigurationError(f"OPENAI_BASE_URL is not an address: {error}.") from None

    async def complete(self, request: Request) -> Completion:
        """Send one call without a retry; raises the kind of `ProviderError` that `TABLE` names."""
        try:
            # A timeout of the whole call: a slow trickle never reaches a timeout per read.
            async with asyncio.timeout(self._timeout_s):
                answer = await self._ask(request)
        except TimeoutError:
            answer = Failure("timeout", f"no whole answer in {self._timeout_s:g} s")
        # Raised outside the handler: an error of the connection, left as context, may hold the
        # request with its headers, and the provider's message unscrubbed.
        if isinstance(answer, Failure):
            raise self._trouble(answer)
        completion = checked_by_limit(self._read(answer), request.parameters.max_tokens)
        return estimate_missing(completion, request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._connections.aclose()

    async def _ask(self, request: Request) -> Reply | Failure:
        length_name = self._length_name
        answer = await self._post(request, length_name)
        if isinstance(answer, Failure) and wants_other_name(answer, length_name):
            # Reasoning models take only the newer name, most other servers only the older one.
            # The answer is remembered, so only the first calls are sent twice.
            self._length_name = OTHER_NAME[length_name]
            answer = await self._post(request, self._length_name)
        return answer

    async def _post(self, request: Request, length_name: LengthName) -> Reply | Failure:
        path, body = request_body(request, self._model, length_name)
        answer = await self._connections.post(path, json.dumps(body).encode())
        if isinstance(answer, Reply) and not 200 <= answer.status < 300:
            return _failure_of_reply(answer).of_request(body)
        return answer

    def _read(self, reply: Reply) -> Completion:
        try:
            answer = self._read_checked(reply)
        except (ItemError, Outage) as trouble:
            error = type(trouble)(self._scrubbed(str(trouble)))
        else:
            if isinstance(answer, Completion):
                return answer
            raise self._trouble(answer)
        # There was an answer, but not a usable one.
        error.may_be_paid = True
        raise error

    def _read_checked(self, reply: Reply) -> Completion | Failure:
        if is_page(reply.headers, reply.body[:64]):
            return Failure("web page", plain(reply.body.decode("utf-8", errors="replace")))
        if is_stream(reply.headers, reply.body[:64]):
            answer = joined_stream(reply.body)
        elif (text := read_plain(reply.body, reply.headers)) is not None:
            return text
        else:
            answer = json_object(reply.body)
        return read_reply(answer, self._model, reply.headers)

    def _trouble(self, failure: Failure) -> ProviderError:
        kept = replace(failure, words=self._scrubbed(failure.words))
        return classify(kept, time.time())

    def _scrubbed(self, words: str) -> str:
        return scrubbed(words, self._api_key)


def _connections(base_url: str, api_key: str) -> Connections:
    client = openai.AsyncOpenAI(
        base_url=base_url,
        # Given none, the client would look for one in the environment.
        api_key=api_key or "none",
        # It sends nothing; connections of its own would cost 50 ms of reading certificates.
        http_client=httpx2.AsyncClient(transport=httpx2.AsyncBaseTransport()),
    )
    headers = {**client.default_headers, **client.auth_headers, **_OWN_HEADERS}
    # The client marks omitted headers with an object that is no string.
    sent = {name: value for name, value in headers.items() if isinstance(value, str)}
    return Connections(base_url, sent)


def _failure_of_reply(reply: Reply) -> Failure:
    try:
        body = json.loads(reply.body)
    except (ValueError, RecursionError):
        body = reply.body.decode("utf-8", errors="replace").strip()
    return failure_of_body(body, reply.status, reply.headers)
