"""Parsers of errors of openai's client and of endpoints: they return a `Failure` to classify.

All clients of an endpoint share them, and the helpers that keep the API key out of messages and
apply the same TLS and proxy settings.
"""

import os
import re
import ssl
from collections.abc import Mapping
from functools import cache
from urllib.parse import quote, urlsplit

import httpx2
import openai

from app.errors import ConfigurationError
from app.llm.classify_errors import Failure
from app.llm.failures.error_bodies import failure_of_body
from app.llm.failures.failure import Cause

_KEY_LIKE = re.compile(r"\b(sk|pk|rk|gsk|xai|hf)[-_][\w*.-]{6,}")
_SHORTEST_SECRET = 4


def failure_of_error(error: openai.APIError | httpx2.HTTPError, host: str) -> Failure:
    """Read an exception of the client; `host` is the endpoint that did not answer."""
    if isinstance(error, openai.APIStatusError):
        return failure_of_body(error.body, error.status_code, error.response.headers)
    if isinstance(error, openai.APITimeoutError):
        return Failure("timeout", f"no sign of {host}")
    if isinstance(error, httpx2.TimeoutException):
        return Failure("timeout", f"{host}: {error}")
    reason = error.__cause__ if isinstance(error, openai.APIError) else error
    words = f"{host}: {reason or error}"
    arrived = not isinstance(reason, httpx2.ConnectError | httpx2.ProxyError)
    return Failure(_cause_of(reason, words), words, arrived=arrived)


def _cause_of(reason: BaseException | None, words: str) -> Cause:
    if isinstance(reason, httpx2.UnsupportedProtocol):
        return "address"
    if isinstance(reason, httpx2.ProxyError):
        return "proxy"
    return "certificate" if "CERTIFICATE_VERIFY_FAILED" in words else "connection"


def is_page(headers: Mapping[str, str], beginning: bytes) -> bool:
    """Return True when a reply with these headers and first bytes is a web page."""
    kind = headers.get("content-type", "")
    return kind.startswith("text/html") or beginning.lstrip().startswith(b"<")


def scrubbed(words: str, key: str) -> str:
    """Return a message without the key or anything like one: providers quote it back."""
    if len(key) >= _SHORTEST_SECRET:
        words = words.replace(key, "***").replace(quote(key, safe=""), "***")
    return _KEY_LIKE.sub("***", words)


def sendable(api_key: str | None) -> str:
    """Return the key without spaces around it.

    Raises:
        ConfigurationError: The key cannot be sent in a header.
    """
    key = (api_key or "").strip()
    if not (key.isascii() and (key.isprintable() or not key)):
        raise ConfigurationError("OPENAI_API_KEY has characters that no HTTP header can carry.")
    return key


def tls() -> ssl.SSLContext:
    """Return the TLS context that all clients of the process share: making one takes 0.1 s.

    Raises:
        ConfigurationError: SSL_CERT_FILE or SSL_CERT_DIR names certificates that are not there.
    """
    try:
        return _tls()
    except (OSError, ssl.SSLError) as error:
        named = [name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)]
        setting = named[0] if named else "SSL_CERT_FILE"
        path = os.environ.get(setting, "")
        raise ConfigurationError(
            f"{setting} names certificates that cannot be read: {path} ({error}). "
            "Correct or unset it."
        ) from None


@cache
def _tls() -> ssl.SSLContext:
    return httpx2.create_ssl_context()


def uses_proxy(base_url: str) -> bool:
    """Return True when the environment's proxy is used: it cannot reach this machine's loopback."""
    return urlsplit(base_url).hostname not in ("127.0.0.1", "localhost", "::1")
