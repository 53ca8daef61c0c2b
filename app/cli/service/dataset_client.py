"""Client of the HTTP API: data sets."""

from collections.abc import Iterator, Mapping
from typing import BinaryIO

import httpx

from app.cli.service.connection import (
    Json,
    Resource,
    ServiceConnection,
    segment,
)
from app.errors import SeedbedError, ServiceUnreachable
from app.schemas.datasets import DatasetView, PushedView

_CHUNK_BYTES = 1024 * 1024
_DOWNLOAD_TRIES = 5
_UPLOAD_TIMEOUT = httpx.Timeout(1800.0, connect=10.0)
"""The service answers an upload only after it has read the whole file, when it is its turn."""


class DatasetClient:
    """Client of one service; every method raises the failures of `ServiceConnection`."""

    def __init__(self, connection: ServiceConnection) -> None:
        self._connection = connection

    def make(self, name: str, recipe: Mapping[str, object]) -> DatasetView:
        """Ask for a new version of a data set; the same recipe gives the same version."""
        body = {"name": name, "recipe": dict(recipe)}
        return self._connection.create(DatasetView, "/v1/datasets", body)

    def import_file(self, file: BinaryIO, query: Mapping[str, str | list[str]]) -> DatasetView:
        """Upload a file as a data set of its own."""
        request = self._connection.request(
            "POST",
            "/v1/datasets/import",
            params=dict(query),
            content=iter(lambda: file.read(_CHUNK_BYTES), b""),
            headers={"Content-Type": "application/octet-stream"},
            timeout=_UPLOAD_TIMEOUT,
        )
        return self._connection.read(DatasetView, request)

    def get(self, dataset_id: str) -> DatasetView:
        """Return a version as it is now."""
        request = self._connection.request("GET", _path(dataset_id))
        return self._connection.read(DatasetView, request, _resource(dataset_id))

    def all(self, limit: int, name: str | None) -> Iterator[DatasetView]:
        """Yield versions, newest first; those of one name, or all."""
        query = {"name": name} if name else {}
        return self._connection.list_all(DatasetView, "/v1/datasets", query, limit)

    def json(self, dataset_id: str, part: str, query: Mapping[str, str] | None = None) -> Json:
        """Return a part of a version that is JSON, such as its manifest."""
        request = self._connection.request("GET", _path(dataset_id, part), params=query)
        return self._connection.json(request, _resource(dataset_id))

    def comparison(self, old_id: str, new_id: str) -> Json:
        """Return the rows that were added, removed and changed from one version to another."""
        self.get(old_id)  # The 404 of the comparison would name the other id.
        return self.json(new_id, f"/compare/{segment(old_id)}")

    def document(self, dataset_id: str, part: str) -> bytes:
        """Return a part of a version that is a document, such as its report."""
        request = self._connection.request("GET", _path(dataset_id, part))
        return b"".join(self._connection.chunks(request, _resource(dataset_id)))

    def delete(self, dataset_id: str) -> None:
        """Delete a version."""
        request = self._connection.request("DELETE", _path(dataset_id))
        self._connection.send(request, _resource(dataset_id)).close()

    def push(self, dataset_id: str, body: Mapping[str, object]) -> PushedView:
        """Push a version to the Hugging Face Hub."""
        path = _path(dataset_id, "/push")
        request = self._connection.request("POST", path, json=dict(body), timeout=_UPLOAD_TIMEOUT)
        return self._connection.read(PushedView, request, _resource(dataset_id))

    def download(self, dataset_id: str, query: Mapping[str, str], out: BinaryIO) -> httpx.Headers:
        """Write the file of a version to `out`; return the headers, with its SHA-256 as `etag`.

        A broken download is resumed at the last byte received.
        """
        etag, received, tries = "", 0, 0
        while True:
            headers = {"Range": f"bytes={received}-", "If-Range": etag} if received else {}
            path = _path(dataset_id, "/download")
            request = self._connection.request(
                "GET", path, params=dict(query), headers=headers, timeout=_UPLOAD_TIMEOUT
            )
            try:
                response = self._connection.send(request, _resource(dataset_id))
                if received and response.status_code != httpx.codes.PARTIAL_CONTENT:
                    raise SeedbedError("The file has changed meanwhile; repeat the command.")
                etag = str(response.headers.get("etag", ""))
                for chunk in self._connection.body_of(response):
                    out.write(chunk)
                    received += len(chunk)
            except ServiceUnreachable:
                tries += 1
                if not received or tries == _DOWNLOAD_TRIES:
                    raise
            else:
                return response.headers


def _path(dataset_id: str, part: str = "") -> str:
    return f"/v1/datasets/{segment(dataset_id)}{part}"


def _resource(dataset_id: str) -> Resource:
    return Resource("data set", dataset_id)
