"""File downloads: hash as ETag, whole or by range."""

from dataclasses import dataclass
from pathlib import Path

from fastapi import Request, Response, status
from fastapi.responses import FileResponse

from app.services.datasets.files import MadeFile


@dataclass(frozen=True, slots=True)
class OfferedFile:
    """A file that never changes."""

    path: Path
    sha256: str
    shown_name: str
    media_type: str = "application/octet-stream"


def dataset_answer(request: Request, file: MadeFile, shown_name: str) -> Response:
    """Answer with a file of a data set as `file_answer` does, and its number of rows."""
    offered = OfferedFile(file.path, file.sha256, shown_name, file.media_type)
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
    return FileResponse(
        file.path, headers=headers, media_type=file.media_type, filename=file.shown_name
    )


def _has_it(if_none_match: str, sha256: str) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or f'"{sha256}"' in tags
