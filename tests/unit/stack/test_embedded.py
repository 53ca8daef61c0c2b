"""The end of a start: the API must answer, and say of its database and broker that they do."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.errors import StackError
from app.stack.embedded import wait_until_all_answer
from app.stack.supervisor import Supervisor


@contextmanager
def api(answers: Sequence[bytes]) -> Iterator[tuple[str, list[str]]]:
    """Serve answers in turn, the last one again and again; give the address and the paths."""
    left, paths = list(answers), []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            body = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", paths
        server.shutdown()


def checks(**parts: str) -> bytes:
    return json.dumps({"checks": parts}).encode()


GOOD: dict[str, str] = {"database": "ok", "broker": "ok", "disk": "ok"}


def waited(answers: Sequence[bytes], folder: Path, timeout_s: float = 10.0) -> list[str]:
    """Return what is said while waiting for an API that answers so."""
    said: list[str] = []
    with api(answers) as (url, paths), Supervisor(folder) as supervisor:
        wait_until_all_answer(url, supervisor, said.append, timeout_s=timeout_s)
    assert set(paths) == {"/v1/ready"}
    return said


def test_it_waits_until_all_parts_are_ok(tmp_path: Path) -> None:
    early = checks(**GOOD | {"broker": "no answer"})
    assert waited([b"starting", b"{}", early, checks(**GOOD)], tmp_path) == []


def test_a_full_disk_is_said_but_does_not_hold_up_the_start(tmp_path: Path) -> None:
    assert waited([checks(**GOOD | {"disk": "full"})], tmp_path) == ["disk: full"]


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (checks(**GOOD | {"database": "gone", "disk": "full"}), "database: gone; disk: full"),
        (b"{}", "checks"),
    ],
)
def test_what_does_not_answer_is_named(answer: bytes, trouble: str, tmp_path: Path) -> None:
    with pytest.raises(StackError, match=f"not ready: .*{trouble}.* Check DATABASE_URL"):
        waited([answer], tmp_path, timeout_s=0.0)
