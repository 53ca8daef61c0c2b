"""File uploads: streamed to disk, so that no size fills the memory."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from app.atomic_files import out_of_space_told
from app.errors import Fault, InvalidInput, TooLarge

_GATHERED = 1024 * 1024


@asynccontextmanager
async def uploaded(request: Request, folder: Path, max_bytes: int) -> AsyncIterator[Path]:
    """Save the body to a file, which is removed after the block.

    Raises:
        InvalidInput: The body is empty.
        TooLarge: The body has more than `max_bytes` bytes.
        OutOfSpace: The disk is full.
    """
    await run_in_threadpool(folder.mkdir, parents=True, exist_ok=True)
    path = folder / f"{secrets.token_hex(8)}.upload"
    try:
        await _spool(request, path, max_bytes)
        yield path
    finally:
        path.unlink(missing_ok=True)


async def _spool(request: Request, path: Path, max_bytes: int) -> None:
    gathered = bytearray()
    received = 0
    _refuse_if_too_large(_announced(request), max_bytes)
    with out_of_space_told(path), path.open("xb") as file:
        async for piece in request.stream():
            gathered += piece
            received += len(piece)
            _refuse_if_too_large(received, max_bytes)
            if len(gathered) >= _GATHERED:
                await run_in_threadpool(file.write, bytes(gathered))
                gathered.clear()
        await run_in_threadpool(file.write, bytes(gathered))
    if not received:
        raise InvalidInput("The body is empty; send the file as the body.")


def _announced(request: Request) -> int:
    """Return the size that the client announces; 0: none, or one that is no number."""
    announced = request.headers.get("content-length", "")
    return int(announced) if announced.isascii() and announced.isdigit() else 0


def _refuse_if_too_large(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        fault = Fault(f"it has more than {max_bytes:,} bytes (SEEDBED_IMPORT_MAX_MIB)")
        raise TooLarge("The file is too large.", [fault])
