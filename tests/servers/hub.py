"""A stand-in for the Hugging Face hub: repositories of data sets, LFS uploads, commits.

It answers as the hub does to ``huggingface_hub`` without Xet, whose storage speaks a protocol of
its own.
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_right"  # noqa: S105 - opens nothing
_REPO = r"(?P<repo>[^/]+/[^/]+)"


@dataclass
class Hub:
    """What was asked of it, and what it has."""

    endpoint: str = ""
    existing: set[str] = field(default_factory=set)
    """Repositories, as ``owner/name``."""
    private: dict[str, bool] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    """What the repository holds after the last commit, whichever way it came."""
    lfs: dict[str, bytes] = field(default_factory=dict)
    """Uploads by their SHA-256, committed or not."""
    commits: list[str] = field(default_factory=list)
    """Their messages."""
    asked: list[str] = field(default_factory=list)
    failing: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Answers to give in place of the right one, by the first word of what is asked: ``create``,
    ``preupload``, ``batch``, ``upload``, ``commit``."""


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base names it
        pass

    def do_POST(self) -> None:
        self._answer(self._body())

    def do_PUT(self) -> None:
        self._answer(self._body())

    def do_GET(self) -> None:
        self._answer(b"")

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline().strip(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _answer(self, body: bytes) -> None:
        for name, method, pattern in _ROUTES:
            found = re.fullmatch(pattern, self.path.partition("?")[0])
            if found and self.command == method:
                self.hub.asked.append(name)
                self._send(*self._result(name, found.groupdict(), body))
                return
        self._send(404, {"error": f"{self.command} {self.path} is not known here"})

    def _result(self, name: str, of: dict[str, str], body: bytes) -> tuple[int, Any]:
        if name in self.hub.failing:
            status, why = self.hub.failing[name]
            return status, {"error": why}
        # Uploads go to addresses that are signed, without a token.
        if name != "upload" and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return 401, {"error": "Invalid credentials in Authorization header"}
        answer: tuple[int, Any] = getattr(self, f"_{name}")(of, body)
        return answer

    def _send(self, status: int, answer: Any) -> None:
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _create(self, _: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        asked = json.loads(body)
        if asked.get("type") != "dataset":
            return 400, {"error": "only data sets here"}
        repo = f"{asked['organization']}/{asked['name']}"
        url = f"{self.hub.endpoint}/datasets/{repo}"
        if repo in self.hub.existing:
            return 409, {"error": "You already created this dataset repo", "url": url}
        self.hub.existing.add(repo)
        self.hub.private[repo] = asked.get("visibility") == "private"
        return 200, {"url": url, "name": repo, "id": "1"}

    def _validate(self, _: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        if "license: nonsense" in json.loads(body)["content"]:
            return 400, {"errors": [{"message": '"license" must be known'}], "warnings": []}
        return 200, {"errors": [], "warnings": []}

    def _info(self, of: dict[str, str], _: bytes) -> tuple[int, dict[str, Any]]:
        if of["repo"] not in self.hub.existing:
            return 404, {"error": "Repository not found"}
        return 200, {"id": of["repo"], "sha": "0" * 40, "siblings": []}

    def _tree(self, _of: dict[str, str], _: bytes) -> tuple[int, list[dict[str, Any]]]:
        return 200, [
            {"type": "file", "path": path, "size": len(data), "oid": "0" * 40}
            for path, data in self.hub.files.items()
        ]

    def _preupload(self, of: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        if of["repo"] not in self.hub.existing:
            return 404, {"error": "Repository not found"}
        files = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].endswith(".parquet") else "regular",
                "shouldIgnore": False,
            }
            for file in json.loads(body)["files"]
        ]
        return 200, {"files": files}

    def _batch(self, _: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        objects = []
        for asked in json.loads(body)["objects"]:
            answer: dict[str, Any] = {"oid": asked["oid"], "size": asked["size"]}
            if asked["oid"] not in self.hub.lfs:
                href = f"{self.hub.endpoint}/upload/{asked['oid']}"
                answer["actions"] = {"upload": {"href": href, "header": {}}}
            objects.append(answer)
        return 200, {"transfer": "basic", "objects": objects}

    def _upload(self, of: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        if hashlib.sha256(body).hexdigest() != of["oid"]:
            return 400, {"error": "the hash is wrong"}
        self.hub.lfs[of["oid"]] = body
        return 200, {}

    def _commit(self, of: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        files = dict(self.hub.files)
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "header":
                self.hub.commits.append(value["summary"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.hub.lfs[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[value["path"]]
            else:
                files[value["path"]] = base64.b64decode(value["content"])
        self.hub.files = files
        oid = hashlib.sha256(body).hexdigest()[:40]
        url = f"{self.hub.endpoint}/datasets/{of['repo']}/commit/{oid}"
        return 200, {"commitOid": oid, "commitUrl": url}


_ROUTES = [
    ("create", "POST", "/api/repos/create"),
    ("validate", "POST", "/api/validate-yaml"),
    ("info", "GET", f"/api/datasets/{_REPO}"),
    ("tree", "GET", f"/api/datasets/{_REPO}/tree/main"),
    ("preupload", "POST", f"/api/datasets/{_REPO}/preupload/main"),
    ("batch", "POST", rf"/datasets/{_REPO}\.git/info/lfs/objects/batch"),
    ("upload", "PUT", "/upload/(?P<oid>[0-9a-f]{64})"),
    ("commit", "POST", f"/api/datasets/{_REPO}/commit/main"),
]


@contextmanager
def running_hub() -> Iterator[Hub]:
    """Serve a hub on a free port of loopback."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        hub.endpoint = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="hub")
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()
