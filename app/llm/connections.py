"""HTTP connections of the provider, by aiohttp: one kept-alive connection per call in flight.

openai's client builds four objects of headers and addresses for each call, which costs three times
the processor time of the exchange itself.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from app.errors import ConfigurationError, ItemError
from app.llm.address import new_base, read_address, same_host
from app.llm.classify_errors import Failure
from app.llm.parse_errors import tls

MAX_BYTES = 4 * 1024 * 1024
"""Longest reply, decompressed; a longer one is not read to its end."""
MAX_STREAM_BYTES = 16 * MAX_BYTES
"""Longest streamed reply: each chunk repeats what a reply says once."""
MAX_ERROR_BYTES = 64 * 1024
_CONNECT_TIMEOUT_S = 10.0
_KEEPALIVE_S = 4.0
"""Less than servers keep idle connections (uvicorn: 5 s), so that no call uses one that closes."""
_MOST_REDIRECTS = 3
_SAME_CALL = (307, 308)
"""Redirects that ask for the same call again; the others would turn it into a GET."""
_FOR_ANYBODY = ("accept", "accept-encoding", "content-type", "user-agent")
"""Headers that another host gets, too; a person's own headers may hold a key."""


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
        ConfigurationError: The address is none, or the environment names a proxy or certificates
            that cannot be used.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str]) -> None:
        self._address = read_address(base_url)
        login, scheme = self._address.login, self._address.scheme
        self._headers = {**headers, "Authorization": _basic(login)} if login else {**headers}
        self._proxy = _proxy_for(scheme, self._address.hostname)
        # Only https needs certificates: SSL_CERT_FILE may be wrong for an endpoint without.
        self._tls = tls() if scheme == "https" else True

    async def post(self, path: str, body: bytes) -> Reply | Failure:
        """Send a request, without a retry; `ItemError` when the answer is too large.

        A redirect is followed when it asks for the same call (307, 308); the key goes to the same
        host only. Every other redirect is a failure that names the new address.
        """
        return await self._send("POST", path, body)

    async def get(self, path: str) -> Reply | Failure:
        """Ask for a document, in the same way."""
        return await self._send("GET", path, None)

    async def _send(self, method: str, path: str, body: bytes | None) -> Reply | Failure:
        if not self._address.is_http:
            return Failure("address", self._address.url)
        url, headers = self._address.of_call(path), self._headers
        try:
            for _ in range(_MOST_REDIRECTS):
                async with self._session.request(
                    method,
                    url,
                    data=body,
                    headers=headers,
                    proxy=self._proxy,
                    allow_redirects=False,
                ) as answer:
                    location = answer.headers.get("Location", "")
                    if not (300 <= answer.status < 400 and location):
                        return Reply(answer.status, answer.headers, await _bounded_body(answer))
                    target = urljoin(url, location)
                    if answer.status not in _SAME_CALL:
                        return _moved(answer.status, new_base(url, location, path))
                if not same_host(url, target):
                    headers = {k: v for k, v in headers.items() if k.lower() in _FOR_ANYBODY}
                url = target
        except aiohttp.ClientError as error:
            return self._failure_of(error)
        return Failure("circle", f"{_MOST_REDIRECTS} redirects, the last one to {url}")

    def _failure_of(self, error: aiohttp.ClientError) -> Failure:
        host = self._address.host
        words = f"{host}: {error or type(error).__name__}"
        if isinstance(error, aiohttp.ServerTimeoutError):
            return Failure("timeout", f"no sign of {host}")
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return Failure("certificate", words, arrived=False)
        if isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError):
            return Failure("proxy", words, arrived=False)
        if isinstance(error, aiohttp.ClientConnectorSSLError):
            hint = "it may speak http instead of https"
            return Failure("connection", f"{words} ({hint})", arrived=False)
        if isinstance(error, aiohttp.ClientConnectorDNSError):
            return Failure("connection", f"there is no host {host}: {error}", arrived=False)
        arrived = not isinstance(error, aiohttp.ClientConnectorError)
        return Failure("connection", words, arrived=arrived)

    async def aclose(self) -> None:
        """Close the connections; no call may follow."""
        if "_session" in self.__dict__:
            await self._session.close()

    @cached_property
    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE_S, ssl=self._tls),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(sock_connect=_CONNECT_TIMEOUT_S),
        )


async def _bounded_body(answer: aiohttp.ClientResponse) -> bytes:
    """Return the body, or the beginning of an error's; `ItemError`: it is too large."""
    limit = MAX_ERROR_BYTES if answer.status >= 400 else MAX_BYTES
    if answer.status < 400 and answer.content_type == "text/event-stream":
        limit = MAX_STREAM_BYTES
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


def _moved(status: int, base: str) -> Failure:
    return Failure("status", f"the endpoint has moved to {base}", status)


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
