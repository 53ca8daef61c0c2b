"""General rows against forgetting."""

import pytest

from app.dataset_row import Record
from app.errors import InvalidInput
from app.training.plain.replay import with_replay

OWN = [Record("own", str(number)) for number in range(60)]
GENERAL = [Record("general", str(number)) for number in range(100)]


@pytest.mark.parametrize(("share", "added"), [(0.0, 0), (0.25, 20), (0.5, 60), (0.9, 100)])
def test_general_rows_are_the_share_that_was_asked_for_or_all_there_are(
    share: float, added: int
) -> None:
    mixed = with_replay(OWN, GENERAL, share, seed=1)

    assert mixed[:60] == OWN
    assert len(mixed) == 60 + added
    assert len(set(mixed)) == len(mixed)


def test_the_seed_decides_which() -> None:
    one, again, other = (with_replay(OWN, GENERAL, 0.25, seed) for seed in (1, 1, 2))

    assert one == again != other


def test_a_share_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        with_replay(OWN, [], 0.1, seed=1)

    assert caught.value.faults[0].field == "data.replay_share"
