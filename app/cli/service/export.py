"""Bringing a run's data set into a file: whole and valid, or not at all."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from app.cli.service.client import ServiceClient
from app.errors import InvalidInput, SeedbedError

Rows: TypeAlias = list[dict[str, str]]


class _Row(BaseModel):
    """A row as Alpaca's trainers read it: exactly these columns."""

    model_config = ConfigDict(extra="forbid", strict=True)
    instruction: str
    input: str
    output: str


_ROWS = TypeAdapter(list[_Row])


def checked_target(out: Path) -> Path:
    """`out` as a place a data set can be written to; its folder is made.

    Raises:
        InvalidInput: it cannot be written. Better known before a run than after it.
    """
    out = out.expanduser().absolute()
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f"{out} cannot be written: {error.strerror}.") from error
    if out.is_dir():
        raise InvalidInput(f"{out} is a folder; --out wants the name of a file.")
    if not os.access(out.parent, os.W_OK | os.X_OK):
        raise InvalidInput(f"{out} cannot be written: no permission for its folder.")
    return out


def download(client: ServiceClient, run_id: str, out: Path) -> Rows:
    """Write the data set of a run to `out`, replacing it in one step; returns the rows.

    An empty data set is not written.

    Raises:
        SeedbedError: what came is not a data set, or it could not be written; `out` is as before.
    """
    fresh = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        rows = _written(client.dataset(run_id), fresh)
        if rows:
            fresh.replace(out)
    except OSError as error:
        raise SeedbedError(f"{out} could not be written: {error.strerror}.") from error
    finally:
        fresh.unlink(missing_ok=True)
    return rows


def _written(pieces: Iterator[bytes], fresh: Path) -> Rows:
    with fresh.open("wb") as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    try:
        rows = _ROWS.validate_python(json.loads(fresh.read_bytes()))
    except (ValueError, ValidationError) as error:
        raise SeedbedError(
            "The data set did not arrive whole. Give the same command again, or "
            "`seedbed export` with the run's id."
        ) from error
    return [row.model_dump() for row in rows]
