"""The long form: 30,000 calls, on both databases; see `test_survival` for the short one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.chaos import Doses
from tests.faults.cluster import Size
from tests.faults.survival import Form, hold, on_postgresql, on_sqlite

Record = Callable[[str, object], None]
pytestmark = [pytest.mark.alone, pytest.mark.crash, pytest.mark.slow]

LONG = Form(
    target=12_000,
    least_calls=30_000,
    doses=Doses(worker=20, child=30, sweeper=10, api=2, wipe=8, crash=5, freeze=8),
    size=Size(),
    seed=30,
    most_s=3600.0,
)


def test_a_long_run_on_postgresql_survives_kills_wipes_crashes_and_freezes(
    tmp_path: Path, record_property: Record
) -> None:
    hold(on_postgresql(LONG, tmp_path), LONG, record_property)


def test_a_long_run_on_sqlite_survives_kills_wipes_and_freezes(
    tmp_path: Path, record_property: Record
) -> None:
    # SQLite has no server to crash.
    form = replace(LONG, doses=replace(LONG.doses, crash=0))
    hold(on_sqlite(form, tmp_path), form, record_property)
