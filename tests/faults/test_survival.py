"""Processes are killed, frozen and wiped all through a run; nothing of it shows in the result.

The short form, on PostgreSQL part of `make kills`; the long one is `test_survival_long`.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.chaos import Doses
from tests.faults.cluster import Size
from tests.faults.survival import Form, hold, on_postgresql, on_sqlite

Record = Callable[[str, object], None]
pytestmark = [pytest.mark.alone, pytest.mark.crash]

SHORT = Form(
    target=2000,
    least_calls=5000,
    doses=Doses(worker=7, child=9, sweeper=4, api=2, wipe=3, crash=2, freeze=5),
    size=Size(),
    seed=20,
    most_s=400.0,
)


def test_a_run_on_postgresql_survives_kills_wipes_crashes_and_freezes(
    tmp_path: Path, record_property: Record
) -> None:
    hold(on_postgresql(SHORT, tmp_path), SHORT, record_property)


@pytest.mark.slow
def test_a_run_on_sqlite_survives_kills_wipes_and_freezes(
    tmp_path: Path, record_property: Record
) -> None:
    # SQLite has no server to crash.
    form = replace(SHORT, doses=replace(SHORT.doses, crash=0))
    hold(on_sqlite(form, tmp_path), form, record_property)
