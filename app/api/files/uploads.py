"""File uploads: streamed to disk, so that no size fills the memory."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from app.atomic_files import out_of_space_told
from app.errors import InvalidInput

_GATHERED = 1024 * 1024


@asynccontextmanager
async def uploaded(request: Request, folder: Path) -> AsyncIterator[Path]:
    """Save the body to a file, which is removed after the block.

    Raises:
        InvalidInput: The body is empty.
        OutOfSpace: The disk is full.
    """
    await run_in_threadpool(folder.mkdir, parents=True, exist_ok=True)
    path = folder / f"{secrets.token_hex(8)}.upload"
    try:
        await _spool(request, path)
        yield path
    finally:
        path.unlink(missing_ok=True)


async def _spool(request: Request, path: Path) -> None:
    gathered = bytearray()
    received = 0
    with out_of_space_told(path), path.open("xb") as file:
        async for piece in request.stream():
            gathered += piece
            received += len(piece)
            if len(gathered) >= _GATHERED:
                await run_in_threadpool(file.write, bytes(gathered))
                gathered.clear()
        await run_in_threadpool(file.write, bytes(gathered))
    if not received:
        raise InvalidInput("The body is empty; send the file as the body.")
