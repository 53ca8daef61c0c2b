"""Digests of images from a registry, and from nowhere else."""

import hashlib
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from images.pin import FILES, ROOT, Unpinned, pin

MANIFEST = b'{"schemaVersion": 2}'
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"


class Registry(BaseHTTPRequestHandler):
    """Wants a token for what is public, as the large ones do."""

    def do_GET(self) -> None:
        host = self.headers["Host"]
        if self.path == "/token?service=here&scope=pull":
            self._answer(200, json.dumps({"token": "t"}).encode())
        elif self.headers.get("Authorization") != "Bearer t":
            realm = f'Bearer realm="http://{host}/token",service="here",scope="pull"'
            self._answer(401, b"", ("WWW-Authenticate", realm))
        elif "missing" in self.path:
            self._answer(404, b"")
        else:
            said = DIGEST if "lying" not in self.path else f"sha256:{'0' * 64}"
            self._answer(200, MANIFEST, ("Docker-Content-Digest", said))

    def _answer(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 its own name
        pass


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with closing(httpx.Client(trust_env=False)) as client:
        yield client


def checkout(folder: Path, registry: str, image: str) -> dict[str, str]:
    """This checkout's files, with images of the registry; returns their texts."""
    texts = {}
    for name in FILES:
        text = (ROOT / name).read_text()
        for ours in ("python:3", "postgres:1", "valkey/valkey:9"):
            text = text.replace(f" {ours}", f" {registry}/{ours.replace('python', image)}")
        (folder / name).write_text(text)
        texts[name] = text
    return texts


def test_every_image_gets_the_digest_of_its_manifest(
    registry: str, client: httpx.Client, tmp_path: Path
) -> None:
    before = checkout(tmp_path, registry, "python")
    digests = pin(tmp_path, client)
    assert set(digests.values()) == {DIGEST}
    assert sorted(image.rpartition("/")[2].partition(":")[0] for image in digests) == [
        "postgres", "python", "valkey",
    ]  # fmt: skip
    for name, text in before.items():
        pinned = (tmp_path / name).read_text()
        assert pinned.count(f"@{DIGEST}") == 2
        assert pinned.replace(f"@{DIGEST}", "") == text
    # Again: the digest is replaced, not added.
    stale = (tmp_path / FILES[0]).read_text().replace(DIGEST, f"sha256:{'1' * 64}")
    (tmp_path / FILES[0]).write_text(stale)
    pin(tmp_path, client)
    assert (tmp_path / FILES[0]).read_text() == before[FILES[0]].replace(
        "3.11-slim", f"3.11-slim@{DIGEST}"
    )


@pytest.mark.parametrize("image", ["missing", "lying"])
def test_without_a_digest_nothing_is_changed(
    registry: str, client: httpx.Client, tmp_path: Path, image: str
) -> None:
    before = checkout(tmp_path, registry, image)
    with pytest.raises(Unpinned, match=f"{registry}/{image}"):
        pin(tmp_path, client)
    assert {name: (tmp_path / name).read_text() for name in FILES} == before
    shutil.rmtree(tmp_path)


def test_an_unreachable_registry_is_named_and_nothing_is_changed(
    client: httpx.Client, tmp_path: Path
) -> None:
    before = checkout(tmp_path, "127.0.0.1:9", "python")
    with pytest.raises(Unpinned, match=r"127\.0\.0\.1:9/.* does not answer"):
        pin(tmp_path, client)
    assert {name: (tmp_path / name).read_text() for name in FILES} == before
