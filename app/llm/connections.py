"""HTTP connections of the provider, by aiohttp: one kept-alive connection per call in flight.

openai's client builds four objects of headers and addresses for each call, which costs three times
the processor time of the exchange itself.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from app.errors import ConfigurationError, ItemError
from app.llm.classify_errors import Failure
from app.llm.parse_errors import tls

MAX_BYTES = 4 * 1024 * 1024
"""Longest reply, decompressed; a longer one is not read to its end."""
MAX_ERROR_BYTES = 64 * 1024
_CONNECT_TIMEOUT_S = 10.0
_KEEPALIVE_S = 4.0
"""Less than servers keep idle connections (uvicorn: 5 s), so that no call uses one that closes."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP response with any status."""

    status: int
    headers: Mapping[str, str]
    """Names are case-insensitive."""
    body: bytes
    """Only the beginning when the status is an error."""


class Connections:
    """Connections to one endpoint, for the event loop in which they are first used.

    The caller limits the duration of a call and the number of calls in flight. `headers` are sent
    with every call.

    Raises:
        ConfigurationError: The environment names a proxy that cannot be used.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str]) -> None:
        address = urlsplit(base_url)
        login, _, self._host = address.netloc.rpartition("@")
        self._base_url = address._replace(netloc=self._host).geturl().rstrip("/")
        self._is_http = address.scheme in ("http", "https")
        self._headers = {**headers, "Authorization": _basic(login)} if login else {**headers}
        self._proxy = _proxy_for(address.scheme, address.hostname or "")

    async def post(self, path: str, body: bytes) -> Reply | Failure:
        """Send a request, without a retry; `ItemError` when the answer is too large."""
        if not self._is_http:
            return Failure("address", self._base_url)
        try:
            async with self._session.post(
                self._base_url + path, data=body, proxy=self._proxy
            ) as answer:
                return Reply(answer.status, answer.headers, await _bounded_body(answer))
        except aiohttp.ServerTimeoutError:
            return Failure("timeout", f"no sign of {self._host}")
        except aiohttp.ClientError as error:
            words = f"{self._host}: {error or type(error).__name__}"
            arrived = not isinstance(error, aiohttp.ClientConnectorError)
            return Failure("connection", words, arrived=arrived)

    async def aclose(self) -> None:
        """Close the connections; no call may follow."""
        if "_session" in self.__dict__:
            await self._session.close()

    @cached_property
    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE_S, ssl=tls()),
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(sock_connect=_CONNECT_TIMEOUT_S),
        )


async def _bounded_body(answer: aiohttp.ClientResponse) -> bytes:
    """Return the body, or the beginning of an error's; `ItemError`: it is too large."""
    limit = MAX_ERROR_BYTES if answer.status >= 400 else MAX_BYTES
    body = b""
    async for chunk in answer.content.iter_any():
        body = body + chunk if body else chunk
        if len(body) > limit:
            # The rest of the body must not be read.
            answer.close()
            if answer.status >= 400:
                # The beginning is enough to classify it.
                return body[:limit]
            trouble = ItemError(f"The answer is larger than {limit:,} bytes.")
            trouble.may_be_paid = True
            raise trouble
    return body


def _basic(login: str) -> str:
    return f"Basic {base64.b64encode(unquote(login).encode()).decode()}"


def _proxy_for(scheme: str, host: str) -> str | None:
    """Return the environment's proxy for an address; None: connect directly."""
    # The environment's proxy cannot reach this machine's loopback.
    if host in ("127.0.0.1", "localhost", "::1") or proxy_bypass(host):
        return None
    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    if proxy is None:
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if urlsplit(proxy).scheme not in ("http", "https"):
        raise ConfigurationError("The environment names a proxy that does not use http or https.")
    return proxy
