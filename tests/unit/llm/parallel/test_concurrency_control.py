"""ConcurrencyControl, with the clock and the dice in the test's hand."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.llm.parallel.concurrency_control import LONGEST_HOLD_S, SHORTEST_HOLD_S, ConcurrencyControl
from tests.unit.llm.throttling import Limit, Simulation


def pacing(ceiling: int = 64, dice: float = 0.0) -> ConcurrencyControl:
    return ConcurrencyControl(ceiling, lambda: dice)


def test_it_starts_at_the_ceiling_and_nobody_waits() -> None:
    assert pacing(64).limit == 64
    assert pacing(64).hold_s(now_s=0) == 0


def test_a_throttle_halves_the_limit_and_all_wait_as_long_as_was_said() -> None:
    pace = pacing(64)
    pace.throttled(asked_at_s=1, now_s=2, retry_after_s=7)
    assert pace.limit == 32
    assert pace.hold_s(now_s=2) == 7
    assert pace.hold_s(now_s=8.5) == pytest.approx(0.5)
    assert pace.hold_s(now_s=9) == 0


def test_calls_that_were_refused_together_halve_it_once() -> None:
    pace = pacing(64)
    for _ in range(64):
        pace.throttled(asked_at_s=1, now_s=2, retry_after_s=1)
    assert pace.limit == 32
    pace.throttled(asked_at_s=3, now_s=4, retry_after_s=1)
    assert pace.limit == 16


def test_the_limit_never_falls_below_one() -> None:
    pace = pacing(3)
    for second in range(20):
        pace.throttled(asked_at_s=second, now_s=second, retry_after_s=0)
    assert pace.limit == 1


def test_a_limits_worth_of_answers_raises_it_by_about_one() -> None:
    pace = pacing(64)
    pace.throttled(asked_at_s=0, now_s=0, retry_after_s=0)
    for _ in range(33):
        pace.answered(asked_at_s=1, now_s=1 + 1)
    assert pace.limit == 33
    for _ in range(10_000):
        pace.answered(asked_at_s=1, now_s=1 + 1)
    assert pace.limit == 64


def test_answers_to_calls_from_before_the_cut_do_not_raise_it() -> None:
    pace = pacing(64)
    pace.throttled(asked_at_s=5, now_s=6, retry_after_s=0)
    for _ in range(1000):
        pace.answered(asked_at_s=5, now_s=5 + 1)
    assert pace.limit == 32


def test_without_a_word_from_the_provider_the_wait_doubles_up_to_a_bound() -> None:
    pace = pacing(64, dice=1.0)
    holds_s = []
    for second in range(0, 1000, 100):
        pace.throttled(asked_at_s=second, now_s=second, retry_after_s=None)
        holds_s.append(pace.hold_s(second))
    assert holds_s[:4] == [0.5, 1, 2, 4]
    assert holds_s[-1] == LONGEST_HOLD_S


def test_an_answer_makes_the_wait_short_again() -> None:
    pace = pacing(64, dice=1.0)
    for second in range(0, 500, 100):
        pace.throttled(asked_at_s=second, now_s=second, retry_after_s=None)
    pace.answered(asked_at_s=600, now_s=600 + 1)
    pace.throttled(asked_at_s=700, now_s=700, retry_after_s=None)
    assert pace.hold_s(700) == 0.5


def test_retry_after_zero_is_not_taken_as_leave_to_hammer() -> None:
    pace = pacing()
    pace.throttled(asked_at_s=0, now_s=0, retry_after_s=0)
    assert pace.hold_s(0) == SHORTEST_HOLD_S


@settings(deadline=None)
@given(
    st.floats(0, 1, exclude_max=True),
    st.lists(st.tuples(st.floats(0, 1e4), st.none() | st.floats(0, 1e9)), max_size=40),
)
def test_whatever_is_said_nobody_asks_earlier_and_the_limit_stays_in_bounds(
    dice: float, throttles: list[tuple[float, float | None]]
) -> None:
    pace = pacing(16, dice)
    now_s = 0.0
    for later_s, retry_after_s in throttles:
        now_s += later_s
        pace.throttled(now_s, now_s, retry_after_s)
        assert pace.hold_s(now_s) >= (retry_after_s or SHORTEST_HOLD_S) * (1 - 1e-9)
        pace.answered(now_s, now_s + 1)
        assert 1 <= pace.limit <= 16


def test_until_the_first_throttle_the_limit_doubles_with_each_round_of_long_calls() -> None:
    pace = ConcurrencyControl(1000, lambda: 0.0, first=4)
    for expected in (8, 16, 32):
        for _ in range(pace.limit):
            pace.answered(asked_at_s=0.0, now_s=2.0)
        assert pace.limit == expected


def test_short_calls_make_it_climb_more_gently_and_never_past_the_ceiling() -> None:
    pace = ConcurrencyControl(6, lambda: 0.0, first=4)
    for _ in range(4):
        pace.answered(asked_at_s=0.0, now_s=0.05)
    assert pace.limit == 4
    for _ in range(100):
        pace.answered(asked_at_s=0.0, now_s=0.05)
    assert pace.limit == 6


def test_near_what_was_too_high_it_climbs_slowly() -> None:
    pace = ConcurrencyControl(1000, lambda: 0.0, first=100)
    pace.throttled(asked_at_s=0.0, now_s=1.0, retry_after_s=0.1)
    assert pace.limit == 50

    def answers_for_ten_more() -> int:
        count, before = 0, pace.limit
        while pace.limit < before + 10:
            pace.answered(asked_at_s=2.0, now_s=3.0)
            count += 1
        return count

    far = answers_for_ten_more()
    while pace.limit < 85:
        pace.answered(asked_at_s=2.0, now_s=3.0)
    assert answers_for_ten_more() > 8 * far


@pytest.mark.parametrize("latency_s", [0.05, 0.1, 0.5, 2.0])
@pytest.mark.parametrize("retry_after_s", [None, 1.0])
def test_of_a_limit_of_150_a_second_much_is_used_and_few_calls_are_refused(
    latency_s: float, retry_after_s: float | None
) -> None:
    simulation = Simulation(Limit(150), latency_s, retry_after_s=retry_after_s)
    simulation.run(30)
    asked = simulation.answered + simulation.refused
    assert simulation.refused < 0.04 * asked
    # Without its own words the wait is a guess; long calls take long to become many.
    assert simulation.answered > 30 * (35 if latency_s > 1 else 70)


@pytest.mark.parametrize("per_s", [5, 1000])
def test_a_low_limit_is_found_too_and_a_high_one_does_not_hold_anybody_up(per_s: int) -> None:
    simulation = Simulation(Limit(per_s), pauses=False)
    simulation.run(60)
    asked = simulation.answered + simulation.refused
    assert simulation.refused < (0.2 if per_s < 10 else 0.02) * asked
    assert simulation.answered > 60 * per_s * 0.5


def test_until_the_ceiling_is_known_to_be_free_calls_go_out_one_after_the_other() -> None:
    pace = ConcurrencyControl(8, lambda: 0.0, first=4)
    pace.asked(now_s=0.0)
    assert pace.wait_s(now_s=0.0) == 0, "nothing is known yet"
    pace.answered(asked_at_s=0.0, now_s=2.0)
    sent_s = []
    now_s = 10.0
    for _ in range(6):
        now_s += pace.wait_s(now_s)
        pace.asked(now_s)
        sent_s.append(now_s)
    # Five calls of 2 s in flight are one each 0.4 s.
    gaps_s = [later - sooner for sooner, later in pairwise(sent_s[1:])]
    assert all(0.3 < gap_s <= 0.4 for gap_s in gaps_s), gaps_s


def test_at_the_ceiling_calls_go_out_as_they_come_until_the_next_throttle() -> None:
    pace = ConcurrencyControl(8, lambda: 0.0, first=4)
    for _ in range(40):
        pace.answered(asked_at_s=0.0, now_s=1.0)
    assert pace.limit == 8
    for _ in range(8):
        pace.asked(now_s=2.0)
        assert pace.wait_s(now_s=2.0) == 0
    pace.throttled(asked_at_s=2.0, now_s=2.0, retry_after_s=0)
    pace.asked(now_s=3.0)
    pace.asked(now_s=3.0)
    assert pace.wait_s(now_s=3.0) > 0


def test_below_one_call_in_the_air_there_are_pauses_between() -> None:
    pace = ConcurrencyControl(8, lambda: 0.0, first=1)
    pace.answered(asked_at_s=0.0, now_s=1.0)
    for second in range(10, 60, 10):
        pace.throttled(asked_at_s=second, now_s=second, retry_after_s=0)
    assert pace.limit == 1
    pace.asked(now_s=100.0)
    pace.asked(now_s=100.0)
    assert pace.wait_s(now_s=100.0) > 10
