"""A webhook's receiver: it verifies each call as docs/training.md says, and answers by a script."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "a shared secret"  # noqa: S105 - opens nothing
FRESH_S = 300


@dataclass(frozen=True)
class Reply:
    """What a call is answered with."""

    status: int
    words: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    hangs: bool = False
    """Nothing is said until the receiver closes."""
    drips: bool = False
    """The words come one at a time, and never end."""


@dataclass
class Hook:
    """The calls that it received, and the answers that it gives."""

    url: str = ""
    replies: Sequence[Reply] = (Reply(202, "queued"),)
    """One a call; the last again and again."""
    calls: list[dict[str, Any]] = field(default_factory=list)
    """The bodies, of the calls whose signature is right."""
    bodies: list[bytes] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    called_at: list[float] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)


def is_genuine(headers: Mapping[str, str], body: bytes) -> bool:
    """Verify a call without any of our own code."""
    timestamp = headers["webhook-timestamp"]
    signed = f"{headers['webhook-id']}.{timestamp}.".encode() + body
    expected = base64.b64encode(hmac.digest(SECRET.encode(), signed, hashlib.sha256)).decode()
    version, _, given = headers["webhook-signature"].partition(",")
    is_fresh = abs(time.time() - int(timestamp)) < FRESH_S
    return is_fresh and version == "v1" and hmac.compare_digest(given, expected)


class _Handler(BaseHTTPRequestHandler):
    hook: Hook

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base names it
        pass

    def do_POST(self) -> None:
        hook = self.hook
        body = self.rfile.read(int(self.headers["Content-Length"]))
        hook.called_at.append(time.monotonic())
        reply = hook.replies[min(len(hook.called_at), len(hook.replies)) - 1]
        if not is_genuine(dict(self.headers), body):
            reply = Reply(401, "the signature is wrong")
        else:
            hook.calls.append(json.loads(body))
            hook.bodies.append(body)
            hook.headers.append(dict(self.headers))
            hook.ids.append(self.headers["Idempotency-Key"])
        if reply.hangs:
            hook.closing.wait(30)
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.words.encode())
        while reply.drips and not hook.closing.wait(0.1):
            self.wfile.write(b".")


@contextmanager
def running_hook(*replies: Reply) -> Iterator[Hook]:
    """A receiver on loopback, until the block ends."""
    hook = Hook()
    if replies:
        hook.replies = replies
    handler = type("Handler", (_Handler,), {"hook": hook})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        hook.url = f"http://127.0.0.1:{server.server_address[1]}/seedbed"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield hook
        finally:
            hook.closing.set()
            server.shutdown()
            thread.join()
