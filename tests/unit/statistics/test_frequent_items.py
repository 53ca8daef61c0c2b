"""The bound that the commonest of many are found within."""

import random
from collections import Counter

from app.statistics.frequent_items import FrequentItems


def test_counts_are_exact_while_few_different_keys_come() -> None:
    counting = FrequentItems[str](4)
    for key in "abracadabra"[:6]:
        counting.add(key)
    assert counting.top(2) == [("a", 3), ("b", 1)]
    assert counting.undercounted_by == 0


def test_no_key_is_lost_or_too_low_by_more_than_it_says() -> None:
    choice = random.Random(3)
    keys = [int(choice.random() ** 3 * 500) for _ in range(20_000)]
    counting, exact = FrequentItems[int](60), Counter(keys)
    for key in keys:
        counting.add(key)
        assert len(counting) <= 60
    assert 0 < counting.undercounted_by < 20_000
    known = dict(counting.items())
    for key, count in exact.items():
        assert count - counting.undercounted_by <= known.get(key, 0) <= count
