"""A signed call to somebody else's address, repeated until it is answered.

Each call carries ``Seedbed-Timestamp``, the seconds since 1970, and ``Seedbed-Signature``:
``sha256=`` and the HMAC-SHA256, in hexadecimal, of timestamp, a point and the body, keyed with the
shared secret. `docs/training.md` shows how to verify it.
"""

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address

import httpx

from app.errors import ConfigurationError, TrainingTrouble
from app.services.context import Webhook

_LOOK_S = 0.2
"""How often a wait is looked up from, to see whether it is to end."""
_MOST_READ = 4000
_MOST_READING_S = 2.0
"""An answer that comes in drops is taken as far as it has come."""
_MOST_TOLD = 300
_PASSING = frozenset({408, 425, 429})
"""Refusals that say "not now"."""


@dataclass(frozen=True, slots=True)
class WebhookCall:
    """What is said. It may arrive more than once, always with the same id and body."""

    idempotency_id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """What the hook said."""

    status: int | None
    """None: there was no answer."""
    words: str
    """How it began, or why there was none."""
    retry_after_s: float = 0.0

    @property
    def is_accepted(self) -> bool:
        """Whether it took the call."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_temporary(self) -> bool:
        """Whether another try may do better."""
        return self.status is None or self.status >= 500 or self.status in _PASSING

    def __str__(self) -> str:
        """Say it in one line."""
        if self.status is None:
            return self.words
        return f"it answered {self.status}: {self.words}" if self.words else f"{self.status}"


def signature_of(secret: str, timestamp: str, body: bytes) -> str:
    """What stands in ``Seedbed-Signature``."""
    signed = timestamp.encode() + b"." + body
    return f"sha256={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def deliver(
    hook: Webhook, call: WebhookCall, stop: Callable[[], bool], log: Callable[[str], None]
) -> WebhookAnswer | None:
    """Call until it is taken; None: `stop` said so first. Safe to repeat, as the id is the same.

    Raises:
        ConfigurationError: when the settings name no secret or an address that is no good.
        TrainingTrouble: when it was refused, or nobody was there for too long.
    """
    secret, is_near = _checked(hook)
    began, wait_s = time.monotonic(), hook.first_wait_s
    timeout = httpx.Timeout(hook.timeout_s)
    with httpx.Client(timeout=timeout, trust_env=not is_near) as http:
        while not stop():
            answer = _asked(http, hook.url, secret, call)
            if answer.is_accepted:
                return answer
            if not answer.is_temporary:
                raise TrainingTrouble(f"The webhook refused the job: {answer}.")
            pause_s = max(wait_s, min(answer.retry_after_s, hook.longest_wait_s))
            if time.monotonic() - began + pause_s > hook.patience_s:
                raise TrainingTrouble(
                    f"The webhook did not take the job within {hook.patience_s:.0f} s; at last "
                    f"{answer}. Resume the job to try again."
                )
            log(f"The webhook did not take the job, {answer}; next try in {pause_s:.0f} s.")
            _wait(pause_s, stop)
            wait_s = min(wait_s * 2, hook.longest_wait_s)
    return None


def _checked(hook: Webhook) -> tuple[str, bool]:
    """The secret, and whether the address is on this machine."""
    if hook.secret is None:
        raise ConfigurationError(
            "SEEDBED_TRAINING_WEBHOOK_SECRET is not set: no webhook is called unsigned."
        )
    try:
        url = httpx.URL(hook.url)
    except httpx.InvalidURL as error:
        raise ConfigurationError(f"SEEDBED_TRAINING_WEBHOOK_URL is no address: {error}.") from None
    is_near = _is_loopback(url.host)
    if url.scheme != "https" and not (url.scheme == "http" and is_near):
        raise ConfigurationError(
            "SEEDBED_TRAINING_WEBHOOK_URL must begin with https://, or lead to this machine."
        )
    return hook.secret, is_near


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _asked(http: httpx.Client, url: str, secret: str, call: WebhookCall) -> WebhookAnswer:
    timestamp = str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": call.idempotency_id,
        "Seedbed-Timestamp": timestamp,
        "Seedbed-Signature": signature_of(secret, timestamp, call.body),
        # The answer is read as it comes, and no further than its first words.
        "Accept-Encoding": "identity",
    }
    try:
        with http.stream("POST", url, content=call.body, headers=headers) as response:
            words = _words(response, until=time.monotonic() + _MOST_READING_S)
            return WebhookAnswer(response.status_code, words, _retry_after_s(response))
    except httpx.TimeoutException:
        return WebhookAnswer(None, "there was no answer in time")
    except httpx.HTTPError as error:
        return WebhookAnswer(None, f"it could not be reached ({_printable(str(error).encode())})")


def _words(response: httpx.Response, until: float) -> str:
    read = b""
    try:
        for piece in response.iter_raw():
            read += piece
            if len(read) >= _MOST_READ or time.monotonic() > until:
                break
    except httpx.HTTPError:
        # The status has come, and says what matters.
        pass
    return _printable(read)


def _printable(raw: bytes) -> str:
    text = raw[:_MOST_READ].decode("utf-8", "replace")
    seen = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(seen.split())[:_MOST_TOLD]


def _retry_after_s(response: httpx.Response) -> float:
    said = response.headers.get("Retry-After", "")
    return float(said) if said.isdecimal() else 0.0


def _wait(pause_s: float, stop: Callable[[], bool]) -> None:
    until = time.monotonic() + pause_s
    while not stop() and (left_s := until - time.monotonic()) > 0:
        time.sleep(min(_LOOK_S, left_s))
