"""Signed webhook calls, repeated until they are answered.

Calls follow Standard Webhooks (https://www.standardwebhooks.com). They carry ``webhook-id``,
``webhook-timestamp`` (seconds since 1970) and ``webhook-signature``: ``v1,`` and the base64 of the
HMAC-SHA256 of id, timestamp and body, joined with full stops. `docs/training.md` shows how to
verify it.
"""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address

import httpx

from app.errors import ConfigurationError, TrainingError
from app.services.context import Webhook

_POLL_S = 0.2
"""Seconds between checks for a stop while waiting."""
_MAX_READ_BYTES = 4000
_MAX_READING_S = 2.0
"""A slow answer is cut off after this time."""
_MAX_SHOWN_CHARACTERS = 300
_BASE64_MARK = "whsec_"
"""Prefix of secrets that are base64."""
_TEMPORARY = frozenset({408, 425, 429})
"""Status codes that mean "try again later"."""


@dataclass(frozen=True, slots=True)
class WebhookCall:
    """A call; it may arrive more than once, always with the same id and body."""

    id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """The answer of the webhook."""

    status: int | None
    """HTTP status; None: no answer."""
    text: str
    """The beginning of the answer, or why there is none."""
    retry_after_s: float = 0.0

    @property
    def is_accepted(self) -> bool:
        """Return True when the webhook accepted the call."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_temporary(self) -> bool:
        """Return True when another attempt may succeed."""
        return self.status is None or self.status >= 500 or self.status in _TEMPORARY

    def __str__(self) -> str:
        """Return the answer as one line."""
        if self.status is None:
            return self.text
        return f"it answered {self.status}: {self.text}" if self.text else f"{self.status}"


def signature(secret: str, call_id: str, timestamp: str, body: bytes) -> str:
    """Return the value of ``webhook-signature``.

    As in Standard Webhooks, the key is the base64 after ``whsec_``, or the secret itself.

    Raises:
        ConfigurationError: the text after ``whsec_`` is no base64.
    """
    key = secret.encode()
    if secret.startswith(_BASE64_MARK):
        try:
            key = base64.b64decode(secret.removeprefix(_BASE64_MARK), validate=True)
        except binascii.Error as error:
            raise ConfigurationError(
                f"SEEDBED_TRAINING_WEBHOOK_SECRET must be base64 after {_BASE64_MARK}: {error}."
            ) from None
    signed = f"{call_id}.{timestamp}.".encode() + body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def old_signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the value of ``Seedbed-Signature``, which version 0.1 sent."""
    signed = timestamp.encode() + b"." + body
    return f"sha256={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def deliver(
    hook: Webhook, call: WebhookCall, stop: Callable[[], bool], log: Callable[[str], None]
) -> WebhookAnswer | None:
    """Call until the webhook accepts; return None when `stop` returned True before.

    Safe to repeat, as the id stays the same.

    Raises:
        ConfigurationError: the settings have no secret, or an unsuitable address.
        TrainingError: the webhook rejected the call, or did not answer for too long.
    """
    secret, is_local = _checked(hook)
    began, wait_s = time.monotonic(), hook.first_wait_s
    timeout = httpx.Timeout(hook.timeout_s)
    with httpx.Client(timeout=timeout, trust_env=not is_local) as http:
        while not stop():
            answer = _post(http, hook.url, secret, call)
            if answer.is_accepted:
                return answer
            if not answer.is_temporary:
                raise TrainingError(f"The webhook rejected the job: {answer}.")
            pause_s = max(wait_s, min(answer.retry_after_s, hook.longest_wait_s))
            if time.monotonic() - began + pause_s > hook.patience_s:
                raise TrainingError(
                    f"The webhook did not accept the job within {hook.patience_s:.0f} s; at last "
                    f"{answer}. Resume the job to try again."
                )
            log(f"The webhook did not accept the job, {answer}; next attempt in {pause_s:.0f} s.")
            _wait(pause_s, stop)
            wait_s = min(wait_s * 2, hook.longest_wait_s)
    return None


def _checked(hook: Webhook) -> tuple[str, bool]:
    """Return the secret, and True when the address is on this machine."""
    if hook.secret is None:
        raise ConfigurationError(
            "SEEDBED_TRAINING_WEBHOOK_SECRET is not set: calls must be signed."
        )
    try:
        url = httpx.URL(hook.url)
    except httpx.InvalidURL as error:
        raise ConfigurationError(
            f"SEEDBED_TRAINING_WEBHOOK_URL is no valid URL: {error}."
        ) from None
    is_local = _is_loopback(url.host)
    if url.scheme != "https" and not (url.scheme == "http" and is_local):
        raise ConfigurationError(
            "SEEDBED_TRAINING_WEBHOOK_URL must begin with https://, or point to this machine."
        )
    return hook.secret, is_local


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _post(http: httpx.Client, url: str, secret: str, call: WebhookCall) -> WebhookAnswer:
    timestamp = str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": call.id,
        "webhook-id": call.id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature(secret, call.id, timestamp, call.body),
        # The names of version 0.1, for one version more.
        "Seedbed-Timestamp": timestamp,
        "Seedbed-Signature": old_signature(secret, timestamp, call.body),
        # Only the beginning of the answer is read, without decompression.
        "Accept-Encoding": "identity",
    }
    try:
        with http.stream("POST", url, content=call.body, headers=headers) as response:
            text = _text(response, until=time.monotonic() + _MAX_READING_S)
            return WebhookAnswer(response.status_code, text, _retry_after_s(response))
    except httpx.TimeoutException:
        return WebhookAnswer(None, "there was no answer in time")
    except httpx.HTTPError as error:
        return WebhookAnswer(None, f"it could not be reached ({_printable(str(error).encode())})")


def _text(response: httpx.Response, until: float) -> str:
    read = b""
    try:
        for piece in response.iter_raw():
            read += piece
            if len(read) >= _MAX_READ_BYTES or time.monotonic() > until:
                break
    except httpx.HTTPError:
        # The status was received, which is enough.
        pass
    return _printable(read)


def _printable(raw: bytes) -> str:
    text = raw[:_MAX_READ_BYTES].decode("utf-8", "replace")
    seen = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(seen.split())[:_MAX_SHOWN_CHARACTERS]


def _retry_after_s(response: httpx.Response) -> float:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else 0.0


def _wait(pause_s: float, stop: Callable[[], bool]) -> None:
    until = time.monotonic() + pause_s
    while not stop() and (left_s := until - time.monotonic()) > 0:
        time.sleep(min(_POLL_S, left_s))
