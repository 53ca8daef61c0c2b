"""Alpaca's own file, if SEEDBED_POOL_FILE names one: read, written to every format, read back."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.atomic_files import written
from app.dataset_row import Record, Unreadable
from app.formats.files import opened
from app.formats.formats import FORMATS, Format
from app.formats.hub.folder import FolderContent, write_hub_folder

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pool() -> list[Record]:
    named = os.environ.get("SEEDBED_POOL_FILE")
    if not named:
        pytest.skip("SEEDBED_POOL_FILE names no file")
    with opened(Path(named)) as source:
        lists = source.peek(1)[:1] == b"["  # type: ignore[attr-defined]  # it is buffered
        rows = list(FORMATS["alpaca" if lists else "alpaca_jsonl"].read(source))
    assert not [row for row in rows if isinstance(row, Unreadable)]
    return [row for row in rows if isinstance(row, Record)]


def test_it_holds_what_is_known_of_it(pool: list[Record]) -> None:
    if len(pool) != 52_002:
        pytest.skip("another file than Alpaca's")
    assert sum(bool(record.input) for record in pool) == 20_679
    assert sum(not record.output for record in pool) == 28


@pytest.mark.parametrize("format_", FORMATS.values(), ids=lambda one: one.name)
def test_every_format_gives_it_back(format_: Format, pool: list[Record], tmp_path: Path) -> None:
    path = tmp_path / "pool"
    with written(path) as sink:
        format_.write(pool, sink)
    with opened(path) as source:
        back = list(format_.read(source))

    assert back == list(_as_carried(pool, format_))


def _as_carried(pool: list[Record], format_: Format) -> Iterator[Record]:
    for record in pool:
        if "input" in format_.carries:
            yield record
        else:
            yield replace(record, instruction=record.request, input="")


def test_a_folder_of_it_is_written(pool: list[Record], tmp_path: Path) -> None:
    manifest = write_hub_folder(
        tmp_path / "pool", FolderContent("pool", "# Pool\n", {"train": pool})
    )
    assert manifest["rows"] == {"train": len(pool)}
