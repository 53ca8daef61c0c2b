"""Data sets over the HTTP API, as the command line uses them."""

from collections.abc import Iterator, Mapping
from typing import BinaryIO

import httpx

from app.cli.service.answers import Dataset, Json
from app.cli.service.connection import About, ServiceAway, ServiceConnection, segment
from app.errors import SeedbedError

_PIECE = 1024 * 1024
_TRIES = 5
"""Of a download, each going on where the last one broke off."""
_UPLOAD_TIMEOUT = httpx.Timeout(600.0, connect=10.0)
"""A file is answered once it is read to its end."""


class DatasetClient:
    """The data sets of one service; every method raises what `ServiceConnection` does."""

    def __init__(self, connection: ServiceConnection) -> None:
        self._connection = connection

    def make(self, name: str, recipe: Mapping[str, object]) -> Dataset:
        """Ask for a version; the same asked twice is the same version."""
        body = {"name": name, "recipe": dict(recipe)}
        return self._connection.started(Dataset, "/v1/datasets", body)

    def take_in(self, file: BinaryIO, query: Mapping[str, str]) -> Dataset:
        """Send a file to be a data set of its own."""
        request = self._connection.request(
            "POST",
            "/v1/datasets/import",
            params=dict(query),
            content=iter(lambda: file.read(_PIECE), b""),
            headers={"Content-Type": "application/octet-stream"},
            timeout=_UPLOAD_TIMEOUT,
        )
        return self._connection.read(Dataset, request)

    def get(self, dataset_id: str) -> Dataset:
        """A version as it is now."""
        request = self._connection.request("GET", _path(dataset_id, ""))
        return self._connection.read(Dataset, request, _about(dataset_id))

    def all(self, limit: int, name: str | None) -> Iterator[Dataset]:
        """The newest versions; of one name or of all."""
        query = {"name": name} if name else {}
        return self._connection.listed(Dataset, "/v1/datasets", query, limit)

    def json(self, dataset_id: str, part: str, query: Mapping[str, str] | None = None) -> Json:
        """A part of a version that is told as JSON, such as its manifest."""
        request = self._connection.request("GET", _path(dataset_id, part), params=query)
        return self._connection.json(request, _about(dataset_id))

    def comparison(self, old_id: str, new_id: str) -> Json:
        """What one version has that another one has not, and the other way round."""
        self.get(old_id)  # Of the two, a 404 would name the other.
        return self.json(new_id, f"/compare/{segment(old_id)}")

    def text(self, dataset_id: str, part: str) -> bytes:
        """A part of a version that is a document, such as its report."""
        request = self._connection.request("GET", _path(dataset_id, part))
        return b"".join(self._connection.pieces(request, _about(dataset_id)))

    def delete(self, dataset_id: str) -> None:
        """Remove a version."""
        request = self._connection.request("DELETE", _path(dataset_id, ""))
        self._connection.sent(request, _about(dataset_id)).close()

    def push(self, dataset_id: str, body: Mapping[str, object]) -> Json:
        """Have a version put on the hub."""
        path = _path(dataset_id, "/push")
        request = self._connection.request("POST", path, json=dict(body), timeout=_UPLOAD_TIMEOUT)
        return self._connection.json(request, _about(dataset_id))

    def download(self, dataset_id: str, query: Mapping[str, str], out: BinaryIO) -> str:
        """Write a version's file to `out`; the file's SHA-256, as the service says.

        A connection that breaks is taken up again where it broke.
        """
        etag, received, tries = "", 0, 0
        while True:
            headers = {"Range": f"bytes={received}-", "If-Range": etag} if received else {}
            path = _path(dataset_id, "/download")
            request = self._connection.request(
                "GET", path, params=dict(query), headers=headers, timeout=_UPLOAD_TIMEOUT
            )
            try:
                response = self._connection.sent(request, _about(dataset_id))
                if received and response.status_code != httpx.codes.PARTIAL_CONTENT:
                    raise SeedbedError("The file is another one by now; give the command again.")
                etag = str(response.headers.get("etag", ""))
                for piece in self._connection.received(response):
                    out.write(piece)
                    received += len(piece)
            except ServiceAway:
                tries += 1
                if not received or tries == _TRIES:
                    raise
            else:
                return etag.strip('"')


def _path(dataset_id: str, part: str) -> str:
    return f"/v1/datasets/{segment(dataset_id)}{part}"


def _about(dataset_id: str) -> About:
    return About("data set", dataset_id)
