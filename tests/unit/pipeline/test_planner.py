"""What a run needs next: never too many calls in flight, never none while it has work, an end."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.pipeline.planner import Numbers, end_of, no_row_comes, tickets_to_issue
from app.states import EndReason

START = Numbers(target=100, accepted=0, issued=0, admitted=0, barren=0, lookahead=8, dry_after=20)


@st.composite
def numbers(draw: st.DrawFn) -> Numbers:
    """Any place a run can be in."""
    admitted = draw(st.integers(0, 10_000))
    lookahead = draw(st.integers(1, 1_024))
    return Numbers(
        target=draw(st.integers(1, 1_000_000)),
        accepted=draw(st.integers(0, 1_000_000)),
        issued=admitted + draw(st.integers(0, lookahead)),
        admitted=admitted,
        barren=draw(st.integers(0, admitted)),
        lookahead=lookahead,
        dry_after=draw(st.integers(1, 10_000)),
        usual_yield=draw(st.floats(0.1, 50)),
    )


def test_a_run_begins_with_as_many_calls_as_may_be_in_flight() -> None:
    assert tickets_to_issue(START) == 8


def test_a_small_target_begins_with_no_more_calls_than_it_may_need() -> None:
    assert tickets_to_issue(replace(START, target=3)) == 3


def test_one_more_call_is_made_for_each_one_admitted() -> None:
    assert tickets_to_issue(replace(START, issued=8, admitted=1, accepted=4)) == 1


def test_what_calls_bring_by_experience_keeps_the_first_ones_few() -> None:
    assert tickets_to_issue(replace(START, target=8, usual_yield=4.0)) == 2


def test_near_the_target_fewer_calls_are_made_than_there_is_room_for() -> None:
    near = replace(START, issued=24, admitted=24, accepted=99)

    assert tickets_to_issue(near) == 1


def test_calls_that_yield_little_are_made_in_greater_number() -> None:
    poor = replace(START, target=10, issued=19, admitted=19, accepted=9)

    assert tickets_to_issue(poor) == 2


@pytest.mark.parametrize("accepted", [100, 101])
def test_no_call_is_made_once_the_target_is_met(accepted: int) -> None:
    assert tickets_to_issue(replace(START, accepted=accepted)) == 0


@pytest.mark.parametrize(("barren", "dry"), [(0, False), (19, False), (20, True), (21, True)])
def test_a_run_is_dry_after_so_many_calls_that_brought_nothing(barren: int, *, dry: bool) -> None:
    after = replace(START, issued=30, admitted=30, barren=barren)

    assert after.dry is dry
    assert (tickets_to_issue(after) == 0) is dry


@given(numbers())
def test_there_are_never_more_calls_in_flight_than_the_lookahead(now: Numbers) -> None:
    more = tickets_to_issue(now)

    assert more >= 0
    assert now.issued - now.admitted + more <= now.lookahead


@given(numbers())
def test_there_is_a_call_in_flight_while_a_run_has_work(now: Numbers) -> None:
    in_air = now.issued - now.admitted + tickets_to_issue(now)

    if now.accepted < now.target and not now.dry:
        assert in_air >= 1
    else:
        assert tickets_to_issue(now) == 0


@settings(deadline=None)
@given(
    st.integers(1, 40), st.integers(1, 20), st.integers(1, 12),
    st.floats(0.1, 10), st.lists(st.integers(0, 5), min_size=1, max_size=60),
)  # fmt: skip
def test_a_run_ends_within_bounds_whatever_its_calls_bring(
    target: int, lookahead: int, dry_after: int, usual_yield: float, yields: list[int]
) -> None:
    now = replace(
        START,
        target=target,
        lookahead=lookahead,
        dry_after=dry_after,
        usual_yield=usual_yield,
    )
    now = replace(now, issued=tickets_to_issue(now))
    while now.admitted < now.issued:
        fresh = min(yields[now.admitted % len(yields)], target - now.accepted)
        now = replace(
            now,
            accepted=now.accepted + fresh,
            admitted=now.admitted + 1,
            barren=0 if fresh else now.barren + 1,
        )
        now = replace(now, issued=now.issued + tickets_to_issue(now))
        assert now.issued - now.admitted <= lookahead

    end = end_of(now, work_left=False, has_rows=now.accepted > 0)

    assert now.issued <= target * (dry_after + lookahead)
    assert end is (EndReason.TARGET_MET if now.accepted == target else EndReason.DRY)
    assert now.accepted == target or now.dry


@pytest.mark.parametrize("has_rows", [True, False])
@pytest.mark.parametrize("accepted", [0, 100])
def test_a_run_is_not_over_while_work_is_open(accepted: int, *, has_rows: bool) -> None:
    now = replace(START, accepted=accepted)

    assert end_of(now, work_left=True, has_rows=has_rows) is None


@pytest.mark.parametrize(
    ("accepted", "has_rows", "reason"),
    [
        (100, True, EndReason.TARGET_MET),
        (101, True, EndReason.TARGET_MET),
        (99, True, EndReason.DRY),
        (100, False, EndReason.DRY),
        (0, False, EndReason.DRY),
    ],
)
def test_a_run_is_over_with_its_target_met_and_a_row_to_train_on_or_else_dry(
    accepted: int, reason: EndReason, *, has_rows: bool
) -> None:
    assert end_of(replace(START, accepted=accepted), work_left=False, has_rows=has_rows) is reason


@pytest.mark.parametrize(("complete", "over"), [(0, False), (19, False), (20, True), (500, True)])
def test_so_many_instructions_without_an_instance_mean_that_no_row_comes(
    complete: int, *, over: bool
) -> None:
    assert no_row_comes(START, complete=complete) is over
