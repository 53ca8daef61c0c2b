"""Download of the data set of a run: a whole, valid file or none."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from app.cli.service.client import ServiceClient
from app.errors import SeedbedError

Rows: TypeAlias = list[dict[str, str]]


class _Row(BaseModel):
    """A row in the Alpaca format: exactly these columns."""

    model_config = ConfigDict(extra="forbid", strict=True)
    instruction: str
    input: str
    output: str


_ROWS = TypeAdapter(list[_Row])


def download(client: ServiceClient, run_id: str, out: Path) -> Rows:
    """Write the data set of a run to `out`, replacing the file in one step; return its rows.

    An empty data set is not written.

    Raises:
        SeedbedError: the answer is not a data set, or `out` could not be written; `out` is
            unchanged.
    """
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        rows = _write(client.dataset(run_id), part)
        if rows:
            part.replace(out)
    except OSError as error:
        raise SeedbedError(f"{out} could not be written: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)
    return rows


def _write(chunks: Iterator[bytes], part: Path) -> Rows:
    with part.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    try:
        rows = _ROWS.validate_python(json.loads(part.read_bytes()))
    except (ValueError, ValidationError) as error:
        raise SeedbedError(
            "The data set did not arrive complete. Repeat the command, or run `seedbed export` "
            "with the id of the run."
        ) from error
    return [row.model_dump() for row in rows]
