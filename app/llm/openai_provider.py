"""Model calls to any OpenAI-compatible endpoint.

openai's client builds the headers (key, organisation, project), `connections` sends the calls, and
`replies` reads the raw answers. Sent through that client, a call would cost three to ten times the
processor time, and truncated JSON, web pages with status 200 and null choices would go unnoticed.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import httpx2
import openai

from app.errors import ConfigurationError, ItemError, Outage, ProviderError
from app.llm.address import authorization, read_address
from app.llm.answers.finish_reasons import checked_by_limit
from app.llm.answers.stream import is_stream, joined_stream
from app.llm.answers.usage import estimate_missing
from app.llm.classify_errors import Failure, classify
from app.llm.connections import Connections, Reply
from app.llm.dialects.dialect import Body, Lesson, apply, cut_at_stop, length_of
from app.llm.dialects.refusals import fitted, is_unfinished, lesson_of
from app.llm.dialects.shared import SharedDialect
from app.llm.failures.error_bodies import failure_of_body, plain
from app.llm.parse_errors import (
    is_page,
    scrubbed,
    sendable,
)
from app.llm.replies import json_object, read_plain, read_reply
from app.llm.request_body import request_body
from app.pipeline.types import Completion, Request

MAX_LESSONS = 16
"""Most things that one call learns before it is given up; more than a request has parameters."""
# Decompressing costs processor time on both sides.
_OWN_HEADERS = {"Accept-Encoding": "identity"}


class OpenAIProvider:
    """One model at one endpoint, for the event loop in which it is first used.

    Args:
        base_url: Ends in ``/v1``.
        api_key: None for endpoints that need no key.
        model: The model that answers.
        timeout_s: Longest duration of a whole call, in seconds; a longer one is an `Outage`.
        dialect: What the endpoint is known to refuse; None: nothing is known.
        before_sending: Called before each HTTP request; may raise a `ProviderError`.
        extra_headers: Sent with every call; None: none.

    Raises:
        ConfigurationError: `base_url` or `api_key` cannot be sent at all.
    """

    def __init__(  # noqa: PLR0913 - each is a fact of one endpoint
        self,
        base_url: str,
        api_key: str | None,
        model: str,
        timeout_s: float,
        dialect: SharedDialect | None = None,
        extra_headers: Mapping[str, str] | None = None,
        *,
        before_sending: Callable[[], None] | None = None,
    ) -> None:
        self._model = model
        self._timeout_s = timeout_s
        self._api_key = sendable(api_key)
        self._dialect = SharedDialect() if dialect is None else dialect
        self._before_sending = before_sending
        try:
            self._connections = _connections(base_url, self._api_key, extra_headers or {})
        except (httpx2.InvalidURL, ValueError) as error:
            raise ConfigurationError(f"OPENAI_BASE_URL is not an address: {error}.") from None

    async def complete(self, request: Request) -> Completion:
        """Send one call; raises the kind of `ProviderError` that `TABLE` names.

        It is sent again only where a refusal has taught what to send instead.
        """
        try:
            # A timeout of the whole call: a slow trickle never reaches a timeout per read.
            async with asyncio.timeout(self._timeout_s):
                answer, sent = await self._ask(request)
        except TimeoutError:
            answer, sent = Failure("timeout", f"no whole answer in {self._timeout_s:g} s"), {}
        # Raised outside the handler: an error of the connection, left as context, may hold the
        # request with its headers, and the provider's message unscrubbed.
        if isinstance(answer, Failure):
            if not is_unfinished(answer):
                raise self._trouble(answer)
            # OpenAI's word for a reply whose thoughts took all of its tokens.
            answer = Completion("", "length", self._model)
        else:
            answer = checked_by_limit(answer, length_of(sent))
        completion = estimate_missing(answer, request)
        if request.parameters.stop and not self._dialect.now.takes_all(request.parameters.stop):
            return cut_at_stop(completion, request.parameters.stop)
        return completion

    async def get(self, path: str) -> object:
        """Return a JSON document of the endpoint, such as ``/models``.

        Returns:
            None when there is no such document, whatever the endpoint answers instead.

        Raises:
            ProviderError: The endpoint is down, or refuses the key.
        """
        if self._before_sending is not None:
            self._before_sending()
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._connections.get(path)
        except TimeoutError:
            answer = Failure("timeout", f"no whole answer in {self._timeout_s:g} s")
        if isinstance(answer, Failure) or answer.status == 401:
            failure = answer if isinstance(answer, Failure) else _failure_of_reply(answer)
            raise self._trouble(failure)
        try:
            return json.loads(answer.body) if answer.status == 200 else None
        except (ValueError, RecursionError):
            return None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._connections.aclose()

    async def _ask(self, request: Request) -> tuple[Completion | Failure, Body]:
        """Return the answer and the body that was sent for it."""
        path, body = request_body(request, self._model)
        learnt: list[Lesson] = []
        while True:
            sent = apply(body, self._dialect.now.with_lessons(learnt))
            answer = await self._post(path, {**sent, **request.extra_body})
            lesson = lesson_of(answer, sent) if isinstance(answer, Failure) else None
            if lesson is None or lesson in learnt or len(learnt) == MAX_LESSONS:
                break
            learnt.append(lesson)
        if isinstance(answer, Failure) and (shorter := fitted(answer, sent)) is not None:
            sent = shorter
            answer = await self._post(path, {**sent, **request.extra_body})
        if not isinstance(answer, Failure):
            # Only now: a refusal may have quoted the name of a parameter that it isn't about.
            self._dialect.add(learnt)
        return answer, sent

    async def _post(self, path: str, body: Body) -> Completion | Failure:
        if self._before_sending is not None:
            self._before_sending()
        reply = await self._connections.post(path, json.dumps(body).encode())
        if isinstance(reply, Failure):
            return reply
        is_fine = 200 <= reply.status < 300
        answer = self._read(reply) if is_fine else _failure_of_reply(reply)
        return answer.of_request(body) if isinstance(answer, Failure) else answer

    def _read(self, reply: Reply) -> Completion | Failure:
        try:
            return self._read_checked(reply)
        except (ItemError, Outage) as trouble:
            error = type(trouble)(self._scrubbed(str(trouble)))
            error.usage = trouble.usage
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


def _connections(base_url: str, api_key: str, extra: Mapping[str, str]) -> Connections:
    address = read_address(base_url)
    client = openai.AsyncOpenAI(
        base_url=address.url,
        # Given none, the client would look for one in the environment.
        api_key=api_key or "none",
        # It sends nothing; connections of its own would cost 50 ms of reading certificates.
        http_client=httpx2.AsyncClient(transport=httpx2.AsyncBaseTransport()),
    )
    # The client marks omitted headers with an object that is no string.
    headers = {k: v for k, v in client.default_headers.items() if isinstance(v, str)}
    others = {k: v for k, v in headers.items() if k.lower() != "authorization"}
    own = {**authorization(address, api_key), **_OWN_HEADERS}
    return Connections(base_url, {**others, **extra, **own})


def _failure_of_reply(reply: Reply) -> Failure:
    try:
        body = json.loads(reply.body)
    except (ValueError, RecursionError):
        body = reply.body.decode("utf-8", errors="replace").strip()
    return failure_of_body(body, reply.status, reply.headers)
