"""Which instructions a prompt shows: 6 seeds and 2 machine-made, repeatable, and in balance."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.pipeline.demonstrations import Drawn, Mix, draw_demonstrations

LABELS = [n % 4 == 0 for n in range(100)]
"""A quarter of a hundred seeds are classification tasks."""


def draw(
    ticket: int = 0,
    *,
    random_seed: int = 0,
    labels: list[bool] = LABELS,
    machine_made: int = 50,
    mix: Mix = Mix(),  # noqa: B008 - frozen
) -> tuple[Drawn, ...]:
    return draw_demonstrations(
        ticket,
        random_seed=random_seed,
        seed_is_classification=labels,
        machine_made=machine_made,
        mix=mix,
    )


def counted(drawn: tuple[Drawn, ...]) -> tuple[int, int]:
    """How many seeds, and how many machine-made ones."""
    origins = Counter(one.origin for one in drawn)
    return origins["seed"], origins["machine"]


def test_a_prompt_shows_six_seeds_and_two_machine_made() -> None:
    assert {counted(draw(ticket)) for ticket in range(200)} == {(6, 2)}


@pytest.mark.parametrize(("machine_made", "shown"), [(0, (8, 0)), (1, (7, 1)), (2, (6, 2))])
def test_seeds_take_the_places_of_machine_made_ones_that_are_not_there(
    machine_made: int, shown: tuple[int, int]
) -> None:
    assert counted(draw(machine_made=machine_made)) == shown


@pytest.mark.parametrize("seeds", [1, 3, 5])
def test_fewer_seeds_than_places_show_fewer(seeds: int) -> None:
    drawn = draw(labels=[False] * seeds, machine_made=0)

    assert sorted(one.position for one in drawn) == list(range(seeds))


def test_alpaca_shows_three_seeds_and_never_a_machine_made_one() -> None:
    mix = Mix(seeds=3, machine_made=0)

    assert {counted(draw(ticket, mix=mix)) for ticket in range(200)} == {(3, 0)}


def test_the_same_ticket_of_the_same_run_shows_the_same() -> None:
    assert [draw(n, random_seed=7) for n in range(50)] == [
        draw(n, random_seed=7) for n in range(50)
    ]


def test_tickets_and_random_seeds_show_different_things() -> None:
    shown = {draw(ticket, random_seed=seed) for ticket in range(30) for seed in range(30)}

    assert len(shown) == 900


def test_a_draw_is_the_same_on_every_machine() -> None:
    drawn = draw(3, random_seed=1, machine_made=5)

    assert [f"{one.origin} {one.position}" for one in drawn] == [
        "seed 15", "seed 93", "seed 51", "machine 2", "seed 81", "seed 21", "machine 0", "seed 27",
    ]  # fmt: skip


def test_seeds_and_machine_made_ones_are_shuffled_among_each_other() -> None:
    places = Counter(
        place
        for ticket in range(400)
        for place, one in enumerate(draw(ticket))
        if one.origin != "seed"
    )

    assert set(places) == set(range(8))


def test_every_seed_and_every_machine_made_one_gets_its_turn() -> None:
    shown = {one for ticket in range(400) for one in draw(ticket, machine_made=20)}

    assert len(shown) == len(LABELS) + 20


@pytest.mark.parametrize("share", [0.0, 0.15, 0.5, 1.0])
@pytest.mark.parametrize("machine_made", [0, 50])
def test_the_share_of_classification_seeds_holds_on_average(
    share: float, machine_made: int
) -> None:
    mix = Mix(classification_share=share)
    labels = [
        LABELS[one.position]
        for ticket in range(2_000)
        for one in draw(ticket, machine_made=machine_made, mix=mix)
        if one.origin == "seed"
    ]

    assert sum(labels) / len(labels) == pytest.approx(share, abs=0.01)


def test_the_share_of_classification_varies_by_one_task_at_most() -> None:
    mix = Mix(classification_share=0.15)
    counts = {
        sum(LABELS[one.position] for one in draw(ticket, mix=mix) if one.origin == "seed")
        for ticket in range(500)
    }

    assert counts == {0, 1}


def test_without_a_wanted_share_the_seeds_own_share_shows() -> None:
    labels = [
        LABELS[one.position]
        for ticket in range(2_000)
        for one in draw(ticket)
        if one.origin == "seed"
    ]

    assert sum(labels) / len(labels) == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize(
    ("share", "labels"), [(1.0, [True] * 2 + [False] * 20), (0.0, [True] * 20)]
)
def test_too_few_seeds_of_the_wanted_kind_are_filled_up_with_the_other(
    share: float, labels: list[bool]
) -> None:
    drawn = draw(labels=labels, machine_made=0, mix=Mix(classification_share=share))

    assert len(drawn) == 8
    assert sum(labels[one.position] for one in drawn) == (2 if share else 8)


mixes = st.builds(
    Mix,
    seeds=st.integers(1, 12),
    machine_made=st.integers(0, 6),
    classification_share=st.none() | st.floats(0, 1),
)


@settings(deadline=None)
@given(
    st.integers(0, 10**6), st.integers(0, 2**63 - 1),
    st.lists(st.booleans(), min_size=1, max_size=30), st.integers(0, 20), mixes,
)  # fmt: skip
def test_any_draw_is_as_full_as_can_be_and_shows_nothing_twice(
    ticket: int, random_seed: int, labels: list[bool], machine_made: int, mix: Mix
) -> None:
    drawn = draw(ticket, random_seed=random_seed, labels=labels, machine_made=machine_made, mix=mix)

    seeds, machine = counted(drawn)
    assert machine == min(mix.machine_made, machine_made)
    assert seeds == min(mix.seeds + mix.machine_made - machine, len(labels))
    assert len(set(drawn)) == len(drawn)
    assert all(
        0 <= one.position < (len(labels) if one.origin == "seed" else machine_made) for one in drawn
    )
