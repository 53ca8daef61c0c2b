"""ConcurrencyControl, with the clock and the dice in the test's hand."""

from collections.abc import Callable
from itertools import pairwise
from random import Random
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.llm.parallel.concurrency_control import ConcurrencyControl
from app.llm.parallel.holds import FIRST_HOLD_S, FIRST_WAIT_S, LONGEST_S, SHORTEST_WAIT_S
from tests.unit.llm.throttling import (
    AtOnce,
    Away,
    Bucket,
    Endpoint,
    Fixed,
    Simulation,
    Sliding,
    Stray,
)


def control_of(
    ceiling: int = 64, dice: float = 0.0, first: int | None = None
) -> ConcurrencyControl:
    return ConcurrencyControl(ceiling, lambda: dice, first=first, patience_s=600.0)


def answer(control: ConcurrencyControl, count: int, sent_s: float, now_s: float) -> None:
    for call in [control.send(sent_s) for _ in range(count)]:
        control.answered(call, now_s)


def refuse(
    control: ConcurrencyControl, count: int, now_s: float, said_s: float | None = 0.2
) -> list[float]:
    calls = [control.send(now_s) for _ in range(count)]
    return [control.throttled(call, now_s, said_s) for call in calls]


def test_it_starts_at_the_ceiling_and_nobody_waits() -> None:
    control = control_of(64)
    assert control.limit == 64
    assert control.hold_s(now_s=0) == control.wait_s(now_s=0) == 0


def test_one_refused_call_waits_alone_as_long_as_was_said() -> None:
    control = control_of(64)
    answer(control, 100, 0.0, 1.0)
    assert refuse(control, 1, 2.0, said_s=7.0) == [7.0]
    assert control.hold_s(now_s=2.0) == control.wait_s(now_s=2.0) == 0
    assert control.limit == 64, "one in a hundred is chance"
    assert control.refused_s(now_s=3.0) is None


def test_all_wait_when_most_are_refused_in_the_order_of_sending() -> None:
    control = control_of(64)
    early = [control.send(0.0) for _ in range(20)]
    refuse(control, 3, 1.0, said_s=7.0)
    assert control.hold_s(1.0) == 0
    # Answers to calls that were sent earlier do not contradict it.
    for call in early:
        control.answered(call, 1.0)
    refuse(control, 1, 1.0, said_s=7.0)
    assert control.hold_s(1.0) == 7.0
    assert control.refused_s(3.0) == 2.0
    assert control.hold_s(8.5) == 0


def test_refusals_among_answers_hold_nobody() -> None:
    control = control_of(64)
    for second in range(200):
        calls = [control.send(second) for _ in range(2)]
        control.answered(calls[0], second + 0.5)
        control.throttled(calls[1], second + 0.6, 1.0)
        assert control.hold_s(second + 0.6) == 0


def test_after_a_hold_calls_start_one_by_one_until_one_is_answered() -> None:
    control = control_of(64)
    refuse(control, 5, 0.0, said_s=10.0)
    sent_s, now_s = [], 0.0
    for _ in range(9):
        now_s += control.wait_s(now_s)
        call = control.send(now_s)
        sent_s.append(now_s)
    assert [sent_s[n] for n in (0, 1, 3, 7)] == pytest.approx([10.0, 10.25, 10.5, 10.75])
    control.answered(call, now_s + 0.1)
    assert control.refused_s(now_s + 0.1) is None
    assert control.wait_s(now_s + 1.0) == 0


def test_a_refusal_after_a_hold_holds_again_and_the_time_is_counted_from_the_first() -> None:
    control = control_of(64)
    refuse(control, 5, 0.0, said_s=10.0)
    refuse(control, 1, 10.0, said_s=20.0)
    assert control.hold_s(10.0) == 20.0
    assert control.refused_s(30.0) == 30.0
    limit = control.limit
    refuse(control, 1, 30.0, said_s=20.0)
    assert control.limit == limit, "the endpoint takes none: that says nothing of the limit"


def test_where_nothing_is_said_holds_grow_with_the_time_that_is_lost() -> None:
    control = control_of(64, dice=1.0)
    refuse(control, 5, 0.0, said_s=None)
    holds_s, now_s = [], 0.0
    while now_s < 1000:
        holds_s.append(control.hold_s(now_s))
        now_s += holds_s[-1]
        refuse(control, 1, now_s, said_s=None)
    assert holds_s[0] == FIRST_HOLD_S
    assert max(holds_s) == pytest.approx(LONGEST_S)
    assert all(
        hold_s <= max(FIRST_HOLD_S, 0.35 * sum(holds_s[:n])) * 1.001
        for n, hold_s in enumerate(holds_s)
    )
    assert len([at for at in holds_s if at < 5]) < 20


def test_a_second_throttle_is_taken_to_last_about_as_long_as_the_first() -> None:
    control = control_of(64, dice=1.0)

    def first_hold_s(from_s: float, until_s: float) -> float:
        refuse(control, 5, from_s, said_s=None)
        hold_s = control.hold_s(from_s)
        refuse(control, 1, until_s - 1.0, said_s=None)
        answer(control, 1, until_s, until_s)
        return hold_s

    assert first_hold_s(0.0, 20.0) == FIRST_HOLD_S
    assert first_hold_s(60.0, 80.0) == pytest.approx(3.5), "20 s, as far as is known"
    assert first_hold_s(90.0, 100.0) == pytest.approx(1.0), "a tenth of 10 s with answers"


def test_who_only_hears_of_a_hold_looks_after_the_one_that_was_refused() -> None:
    control = control_of(64, dice=0.5)
    control.hear(4.0, now_s=10.0)
    assert control.hold_s(10.0) == 4.0
    assert control.wait_s(10.0) == 4.75
    refuse(control, 1, 14.0, said_s=8.0)
    assert control.wait_s(14.0) == control.hold_s(14.0) > 8.0, "its own refusal is another thing"


def test_where_nothing_is_said_a_call_waits_twice_as_long_each_time() -> None:
    control = control_of(64, dice=1.0)
    waits_s = []
    for times in range(1, 10):
        answer(control, 10, times, times)
        waits_s.append(control.throttled(control.send(times), times, None, times))
    assert waits_s[:4] == [FIRST_WAIT_S, 1, 2, 4]
    assert waits_s[-1] == LONGEST_S


def test_retry_after_zero_is_not_taken_as_leave_to_hammer() -> None:
    assert refuse(control_of(), 1, 0.0, said_s=0.0) == [SHORTEST_WAIT_S]


def test_a_wait_beyond_the_patience_holds_all_at_the_first_refusal() -> None:
    control = control_of(64)
    answer(control, 100, 0.0, 1.0)
    refuse(control, 1, 2.0, said_s=86_400.0)
    assert control.hold_s(2.0) == 86_400.0
    assert control.refused_s(2.0) == 0.0


@settings(deadline=None)
@given(
    st.floats(0, 1, exclude_max=True),
    st.lists(st.tuples(st.floats(0, 1e4), st.none() | st.floats(0, 1e9)), max_size=40),
)
def test_whatever_is_said_no_call_is_sent_earlier_and_the_limit_stays_in_bounds(
    dice: float, throttles: list[tuple[float, float | None]]
) -> None:
    control = control_of(16, dice)
    now_s = 0.0
    for later_s, said_s in throttles:
        now_s += later_s
        (wait_s,) = refuse(control, 1, now_s, said_s)
        assert wait_s >= (said_s or SHORTEST_WAIT_S) * (1 - 1e-9)
        answer(control, 1, now_s, now_s + 1)
        assert 1 <= control.limit <= 16


def test_until_a_limit_is_known_it_doubles_with_each_round_of_long_calls() -> None:
    control = control_of(1000, first=4)
    for expected in (8, 16, 32):
        answer(control, control.limit, 0.0, 2.0)
        assert control.limit == expected


def test_short_calls_make_it_climb_more_gently_and_never_past_the_ceiling() -> None:
    control = control_of(6, first=4)
    answer(control, 4, 0.0, 0.05)
    assert control.limit == 4
    answer(control, 100, 0.0, 0.05)
    assert control.limit == 6


def cut_once(control: ConcurrencyControl) -> int:
    """Refuse one of five calls until that cuts the limit; return the new one."""
    before = control.limit
    for n in range(10_000):
        now_s = 0.001 * n
        call = control.send(now_s)
        if n % 5 == 2 and n > 5_000:
            control.throttled(call, now_s, 0.2)
        else:
            control.answered(call, now_s + 0.9)
        if control.limit < before:
            return control.limit
    return before


def test_a_cut_follows_the_share_that_is_refused_and_is_checked_before_a_rise() -> None:
    control = control_of(1000)
    limit = cut_once(control)
    # The first refusals are few among many, and a cut is at least a fifth.
    assert limit == 800
    answer(control, 99, 20.0, 20.9)
    assert control.limit == limit, "the check does not raise it"
    answer(control, 1, 20.0, 20.9)
    answer(control, 199, 21.0, 21.9)
    assert limit < control.limit < 1.1 * limit
    for second in range(22, 60):
        answer(control, 300, second, second + 0.9)
    assert control.limit == 1000, "it is not held down for good"


def test_refusals_that_a_cut_does_not_end_are_stray_and_the_limit_comes_back() -> None:
    control = control_of(256)
    now_s = 0.0
    for n in range(3000):
        now_s += 0.01
        call = control.send(now_s)
        if n % 20 == 10:
            control.throttled(call, now_s, 0.2)
        else:
            control.answered(call, now_s + 0.005)
    assert control.background == pytest.approx(0.05, abs=0.02)
    assert control.limit == 256


def test_until_the_ceiling_is_known_to_be_free_calls_go_out_one_after_the_other() -> None:
    control = control_of(8, first=4)
    first = control.send(now_s=0.0)
    assert 0.03 < control.wait_s(now_s=0.0) < 0.07, "several at once may be a burst"
    control.answered(first, now_s=2.0)
    sent_s = []
    now_s = 10.0
    for _ in range(6):
        now_s += control.wait_s(now_s)
        control.send(now_s)
        sent_s.append(now_s)
    # Five calls of 2 s in flight are one each 0.4 s.
    gaps_s = [later - sooner for sooner, later in pairwise(sent_s[1:])]
    assert all(0.3 < gap_s <= 0.4 for gap_s in gaps_s), gaps_s


def test_at_the_ceiling_calls_go_out_as_they_come() -> None:
    control = control_of(8, first=4)
    answer(control, 40, 0.0, 1.0)
    assert control.limit == 8
    for _ in range(8):
        control.send(now_s=2.0)
        assert control.wait_s(now_s=2.0) == 0


Make = Callable[[], Endpoint]

LIMITS: dict[str, tuple[Make, float, float, float]] = {
    # The endpoint, what it takes in a second, the time to an answer, seconds.
    "150 a second": (Sliding, 150, 0.1, 40),
    "150 a second, fast": (Sliding, 150, 0.05, 40),
    "150 a second, slow": (Sliding, 150, 0.5, 60),
    "150 a second, said": (lambda: Sliding(said_s=1.0), 150, 0.1, 40),
    "150 in each second": (Fixed, 150, 0.1, 40),
    "150 in each second, unsaid": (lambda: Fixed(says=False), 150, 0.1, 40),
    "bucket with a burst": (Bucket, 150, 0.1, 60),
    "bucket with a small burst": (lambda: Bucket(burst=10), 150, 0.1, 40),
    "16 at once": (AtOnce, 160, 0.1, 60),
    "16 at once, said": (lambda: AtOnce(said_s=1.0), 160, 0.1, 60),
    "4 long ones at once": (lambda: AtOnce(calls=4), 2, 2.0, 600),
    "tokens a minute": (lambda: Bucket(per_s=50_000, burst=3e6, by_tokens=True), 100, 0.1, 200),
    "tokens a second": (lambda: Bucket(per_s=50_000, burst=5e4, by_tokens=True), 100, 0.1, 60),
    "6000 a minute": (lambda: Fixed(calls=6000, window_s=60.0), 100, 0.1, 240),
    "600 a minute, unsaid": (lambda: Fixed(calls=600, window_s=60.0, says=False), 10, 0.1, 480),
}
"""Of the shapes that real limits have."""


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("name", LIMITS)
def test_at_a_real_limit_few_calls_are_refused_and_much_of_it_is_used(
    name: str, workers: int
) -> None:
    make, per_s, latency_s, seconds = LIMITS[name]
    simulation = Simulation(make(), latency_s, workers=workers).run(seconds)
    print(f"{simulation.wasted():.2%} wasted, {simulation.answered() / seconds / per_s:.0%} used")
    assert simulation.wasted() < (0.04 if workers == 1 else 0.05)
    assert simulation.answered() > 0.4 * per_s * seconds


NO_BURST: dict[str, tuple[Make, float]] = {
    "150 a second": (lambda: Bucket(burst=1), 300),
    "20 a second": (lambda: Bucket(per_s=20, burst=1), 1000),
    "tokens": (lambda: Bucket(per_s=50_000, burst=1100, by_tokens=True), 300),
}
"""With the seconds of a run."""


@pytest.mark.parametrize("name", NO_BURST)
def test_two_workers_that_meet_at_a_bucket_without_any_burst_waste_little(name: str) -> None:
    make, seconds = NO_BURST[name]
    runs = [Simulation(make(), workers=2, rng=Random(n)).run(seconds) for n in range(8)]
    assert fmean(run.wasted() for run in runs) < 0.05


def test_of_a_bucket_without_any_burst_a_worker_uses_half_from_the_beginning() -> None:
    simulation = Simulation(Bucket(burst=1)).run(60)
    assert simulation.wasted() < 0.01
    assert simulation.answered() > 0.4 * 150 * 60


def test_most_of_a_limit_is_used_where_calls_are_given_between_transactions() -> None:
    simulation = Simulation(AtOnce(), workers=1, given_in_turns=True).run(40)
    assert simulation.answered() > 0.6 * 160 * 40
    assert simulation.wasted() < 0.01


@pytest.mark.parametrize("workers", [1, 2])
def test_of_a_small_limit_little_is_wasted_once_it_is_known(workers: int) -> None:
    simulation = Simulation(Sliding(per_s=5), workers=workers).run(600)
    assert simulation.wasted(from_s=60) < 0.08
    assert simulation.answered(from_s=60) > 0.6 * 5 * 540


@pytest.mark.parametrize(
    ("share", "said_s", "least"),
    [(0.005, 0.2, 0.9), (0.02, 0.2, 0.8), (0.02, None, 0.8), (0.02, 30.0, 0.8), (0.05, 0.2, 0.6)],
)
def test_refusals_at_random_cost_little_where_all_of_the_limit_is_used(
    share: float, said_s: float | None, least: float
) -> None:
    def answered(endpoint: Endpoint) -> int:
        return Simulation(endpoint, 0.05, ceiling=32).run(60).answered()

    part = answered(Stray(said_s, share)) / answered(Stray(None, 0.0))
    print(f"{part:.0%} of the undisturbed calls")
    assert part > least


def test_rare_refusals_are_not_taken_for_a_limit_because_three_come_together() -> None:
    def answered(share: float) -> int:
        endpoint = Stray(0.2, share, Random(2))
        return Simulation(endpoint, 0.05, ceiling=32, rng=Random(2)).run(60).answered()

    assert answered(0.005) > 0.95 * answered(0.0)


def test_refusals_at_random_cost_nothing_where_the_worker_itself_is_the_limit() -> None:
    def answered(endpoint: Endpoint) -> int:
        return Simulation(endpoint, 0.05, cpu_s=0.0025, pauses=False).run(30).answered()

    assert answered(Stray(0.2, 0.02)) > 0.9 * answered(Stray(None, 0.0))


def test_a_limit_beyond_refusals_at_random_is_kept() -> None:
    class Both(Sliding):
        stray = Stray()

        def takes(self, now_s: float, tokens: int) -> bool:
            return self.stray.takes(now_s, tokens) and super().takes(now_s, tokens)

    simulation = Simulation(Both()).run(60)
    assert simulation.wasted() < 0.05


def test_slow_refusals_are_few_as_well() -> None:
    assert Simulation(Sliding(), refused_s=2.0).run(60).wasted() < 0.08


@pytest.mark.parametrize("said_s", [None, 1.0])
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("away_s", [20.0, 20.7, 21.3])
def test_after_ten_seconds_without_answers_work_goes_on_within_five(
    workers: int, away_s: float, said_s: float | None
) -> None:
    endpoint = Away(said_s, [(away_s, away_s + 10)])
    simulation = Simulation(endpoint, workers=workers).run(40)
    before = simulation.answered(15, 20) / 5
    assert simulation.answered(away_s + 15, away_s + 16) > 0.7 * before
    assert simulation.wasted() < 0.01


def test_after_an_outage_the_few_calls_that_were_in_flight_are_no_limit() -> None:
    control = control_of(64)
    for tenth in range(50):
        answer(control, 20, 0.1 * tenth, 0.1 * tenth + 0.1)
    refuse(control, 9, 5.1, said_s=None)
    refuse(control, 1, 12.0, said_s=None)
    answer(control, 1, 15.0, 15.1)
    assert control.limit >= 20


def test_an_endpoint_that_is_away_again_and_again_is_used_in_between() -> None:
    endpoint = Away(None, [(6.0 * n + 5, 6.0 * n + 6) for n in range(20)])
    simulation = Simulation(endpoint).run(60)
    assert simulation.wasted() < 0.02
    assert simulation.answered() > 0.6 * 2560 * 50
