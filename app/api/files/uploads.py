"""File uploads: streamed to disk, so that no size fills the memory."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from app.atomic_files import out_of_space_told
from app.errors import Fault, InvalidInput, TooLarge
from app.held_files import hold_new

_GATHERED = 1024 * 1024


@asynccontextmanager
async def uploaded(
    request: Request,
    folder: Path,
    check_space: Callable[[], None],
    max_bytes: int | None = None,
) -> AsyncIterator[Path]:
    """Save the body to a file, which is removed after the block.

    The file is held until then; what a killed process left behind is not.

    Args:
        request: The request whose body is saved.
        folder: The folder of the file.
        check_space: Raises when the disk should not be filled further; called for each megabyte.
        max_bytes: The most bytes that are read; None: the body was limited before.

    Raises:
        InvalidInput: The body is empty.
        TooLarge: The body has more than `max_bytes` bytes.
        OutOfSpace: The disk is full.
    """
    path = folder / f"{secrets.token_hex(8)}.upload"
    try:
        _refuse_if_too_large(_announced(request), max_bytes)
        await run_in_threadpool(check_space)
        with out_of_space_told(path):
            await run_in_threadpool(folder.mkdir, parents=True, exist_ok=True)
            file = path.open("xb")
        with file:
            hold_new(file, path)
            with out_of_space_told(path):
                await _spool(request, file, max_bytes, check_space)
            yield path
    finally:
        path.unlink(missing_ok=True)


async def _spool(
    request: Request, file: BinaryIO, max_bytes: int | None, check_space: Callable[[], None]
) -> None:
    gathered = bytearray()
    received = 0
    async for piece in request.stream():
        gathered += piece
        received += len(piece)
        _refuse_if_too_large(received, max_bytes)
        if len(gathered) >= _GATHERED:
            await run_in_threadpool(file.write, bytes(gathered))
            gathered.clear()
            await run_in_threadpool(check_space)
    await run_in_threadpool(file.write, bytes(gathered))
    await run_in_threadpool(file.flush)
    if not received:
        raise InvalidInput("The body is empty; send the file as the body.")


def _announced(request: Request) -> int:
    """Return the size that the client announces; 0: none, or one that is no number."""
    announced = request.headers.get("content-length", "")
    return int(announced) if announced.isascii() and announced.isdigit() else 0


def _refuse_if_too_large(size: int, max_bytes: int | None) -> None:
    if max_bytes is not None and size > max_bytes:
        fault = Fault(f"it has more than {max_bytes:,} bytes (SEEDBED_IMPORT_MAX_MIB)")
        raise TooLarge("The file is too large.", [fault])
