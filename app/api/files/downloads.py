"""File downloads: hash as ETag, whole or by range."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import Request, Response, status
from fastapi.responses import FileResponse
from starlette.exceptions import HTTPException
from starlette.responses import MalformedRangeHeader, RangeNotSatisfiable

from app.services.datasets.download_cache import HeldFile
from app.services.datasets.files import MadeFile


@dataclass(frozen=True, slots=True)
class OfferedFile:
    """A file that never changes."""

    path: Path
    sha256: str
    shown_name: str
    media_type: str = "application/octet-stream"
    held: HeldFile | None = None
    """Closed once the file was sent; None: nobody removes it."""


def download_responses(media_types: Iterable[str]) -> dict[int | str, dict[str, Any]]:
    """Return the documentation of a route that answers with a file of one of these types."""
    content = {name: _content(name) for name in sorted(media_types)}
    several = {"multipart/byteranges": _content("multipart/byteranges")}
    tag = {"ETag": {"schema": {"type": "string"}, "description": "SHA-256 of the file, in quotes."}}
    return {
        200: {"content": content, "description": "The file.", "headers": tag},
        206: {
            "content": content | several,
            "description": "The requested range, or several.",
            "headers": tag,
        },
        304: {"description": "Not modified: the ETag is the one sent.", "headers": tag},
    }


def _content(media_type: str) -> dict[str, Any]:
    # Any JSON value, so that clients don't parse a list as text.
    is_json = media_type == "application/json"
    return {} if is_json else {"schema": {"type": "string", "format": "binary"}}


def dataset_answer(request: Request, file: MadeFile, shown_name: str) -> Response:
    """Answer with a file of a data set as `file_answer` does, and its number of rows."""
    offered = OfferedFile(file.path, file.sha256, shown_name, file.media_type, file.held)
    answer = file_answer(request, offered)
    answer.headers["X-Row-Count"] = str(file.row_count)
    return answer


def file_answer(request: Request, file: OfferedFile) -> Response:
    """Answer with a file, a range of it, or 304 when the caller has it already."""
    headers = {
        "ETag": f'"{file.sha256}"',
        "Cache-Control": "no-cache",
        "Content-SHA256": file.sha256,
    }
    if _has_it(request.headers.get("if-none-match", ""), file.sha256):
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers=headers)
    return _File(file.path, headers=headers, media_type=file.media_type, filename=file.shown_name)


class _File(FileResponse):
    """A file whose range errors are problem details."""

    @classmethod
    def _parse_range_header(cls, http_range: str, file_size: int) -> list[tuple[int, int]]:
        try:
            return super()._parse_range_header(http_range, file_size)
        except MalformedRangeHeader:
            # None: the whole file, as RFC 9110 has it for what is no range.
            return []
        except RangeNotSatisfiable:
            raise HTTPException(
                status.HTTP_416_RANGE_NOT_SATISFIABLE,
                f"The range is outside of the file, which has {file_size:,} bytes.",
                {"Content-Range": f"bytes */{file_size}"},
            ) from None


def _has_it(if_none_match: str, sha256: str) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or f'"{sha256}"' in tags
