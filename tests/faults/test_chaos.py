"""The schedule of faults is the same for the same seed, and holds every dose."""

from collections import Counter

import pytest

from tests.faults.chaos import Doses, schedule

pytestmark = pytest.mark.crash

_DOSES = Doses(worker=7, child=9, sweeper=4, api=2, wipe=3, crash=2, freeze=5)


def test_a_schedule_is_drawn_by_its_seed_alone() -> None:
    assert schedule(_DOSES, 5) == schedule(_DOSES, 5)
    assert schedule(_DOSES, 5) != schedule(_DOSES, 6)


def test_a_schedule_holds_every_dose_in_order_and_early_enough_to_land() -> None:
    due = schedule(_DOSES, 5)
    assert Counter(fault.kind for fault in due) == Counter(_DOSES.kinds())
    progress = [fault.progress for fault in due]
    assert progress == sorted(progress)
    assert progress[0] > 0
    assert progress[-1] < 0.95
