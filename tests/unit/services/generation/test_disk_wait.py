"""The wait of a run for space on the disk: shown once, told from a full disk, and ended."""

import time

import pytest

from app.services.generation.disk_wait import DiskWait
from app.states import WaitKind
from app.store.runs.waiting import Wait


def test_with_space_there_is_nothing_to_wait_for() -> None:
    disk = DiskWait("run_1")
    disk.look(None)
    assert (disk.is_full, disk.has_news, disk.wait()) == (False, False, None)


def test_a_shortage_is_shown_once_and_again_when_it_is_over() -> None:
    disk = DiskWait("run_1")
    disk.look("2 MB left")
    assert (disk.is_full, disk.has_news) == (False, True)
    assert disk.wait() == Wait(WaitKind.DISK, "2 MB left")
    disk.recorded()
    disk.look("2 MB left")
    assert not disk.has_news
    disk.look("1 MB left")
    assert disk.has_news, "other words are shown"
    disk.recorded()
    disk.look(None)
    assert disk.has_news
    assert disk.wait() is None
    disk.recorded()
    assert not disk.has_news


def test_a_refused_write_counts_more_than_a_shortage_until_one_succeeds() -> None:
    disk = DiskWait("run_1")
    disk.look("2 MB left")
    before = time.monotonic()
    disk.refused("disk is full")
    disk.refused("disk is still full")
    wait = disk.wait()
    assert wait is not None
    assert (wait.kind, wait.message) == (WaitKind.DISK, "disk is still full")
    assert 0 <= wait.for_s <= time.monotonic() - before
    assert (disk.is_full, disk.has_news) == (True, True)
    disk.recorded()
    assert not disk.is_full
    # The run shows the refusal, which is over; now the shortage is to be shown.
    assert disk.has_news
    assert disk.wait() == Wait(WaitKind.DISK, "2 MB left")


@pytest.mark.parametrize("shortage", [None, "2 MB left"])
def test_each_line_is_logged_once(shortage: str | None, caplog: pytest.LogCaptureFixture) -> None:
    disk = DiskWait("run_1")
    for _ in range(3):
        disk.look(shortage)
    for _ in range(3):
        disk.refused("disk is full")
    lines = [f"run run_1 waits: {why}" for why in (shortage, "disk is full") if why]
    assert [record.getMessage() for record in caplog.records] == lines
