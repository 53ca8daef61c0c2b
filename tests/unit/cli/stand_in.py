"""A small real HTTP server with given answers, which records its requests."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Answer:
    body: object
    """Bytes as they are; anything else as JSON."""
    status: int = 200
    content_length: int | None = None
    """A length to promise instead of the real one."""
    location: str | None = None
    etag: str | None = None
    content_type: str = "application/json"


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # Any: whatever was posted
        return json.loads(self.body)


@dataclass
class StandIn:
    url: str
    asked: list[Asked] = field(default_factory=list)
    answers: dict[str, list[Answer]] = field(default_factory=dict)

    def will(self, request: str, *answers: object, status: int = 200) -> None:
        """Answer `request` ("GET /v1/runs") with these, one after the other, then the last."""
        self.answers[request] = [
            answer if isinstance(answer, Answer) else Answer(answer, status) for answer in answers
        ]

    def asked_for(self, request: str) -> list[Asked]:
        return [asked for asked in self.asked if f"{asked.method} {asked.path}" == request]


@contextmanager
def stand_in() -> Iterator[StandIn]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            service.asked.append(
                Asked(
                    self.command,
                    parts.path,
                    dict(parse_qsl(parts.query)),
                    headers,
                    self.rfile.read(length),
                )
            )
            self._send(next_answer(f"{self.command} {parts.path}"))

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 the names http.server calls

        def _send(self, answer: Answer) -> None:
            body = answer.body
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(answer.status)
            promised = len(data) if answer.content_length is None else answer.content_length
            self.send_header("Content-Length", str(promised))
            if answer.location is not None:
                self.send_header("Location", answer.location)
            if answer.etag is not None:
                self.send_header("ETag", answer.etag)
            self.send_header("Content-Type", answer.content_type)
            self.end_headers()
            self.wfile.write(data)
            self.close_connection = answer.content_length is not None

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 its own name
            pass

    def next_answer(request: str) -> Answer:
        answers = service.answers.get(request)
        if not answers:
            return Answer({"title": "Not Found", "detail": f"no {request} here"}, status=404)
        return answers.pop(0) if len(answers) > 1 else answers[0]

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        service = StandIn(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()
