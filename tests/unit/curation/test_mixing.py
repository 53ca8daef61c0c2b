from collections import Counter
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from app.curation.mixing import Source, plan_mix
from app.curation.options import MixOptions, SourceOptions

SOURCES = st.lists(
    st.builds(
        Source,
        st.integers(0, 60),
        st.builds(
            SourceOptions,
            weight=st.none() | st.floats(0.1, 10.0),
            limit=st.none() | st.integers(0, 40),
        ),
    ),
    max_size=5,
)
OPTIONS = st.builds(
    MixOptions,
    total=st.none() | st.integers(1, 100),
    order=st.sampled_from(["shuffled", "one_after_another"]),
    seed=st.integers(0, 3),
)


def weighted(rows: int, weight: float, limit: int | None = None) -> Source:
    return Source(rows, SourceOptions(weight=weight, limit=limit))


@given(SOURCES, OPTIONS)
def test_each_source_gives_exactly_its_count_in_its_order(
    sources: list[Source], options: MixOptions
) -> None:
    mix = plan_mix(sources, options)
    streams = [iter(range(source.rows)) for source in sources]
    rows = list(mix.rows(streams))
    for number, source in enumerate(sources):
        own = [row for which, row in rows if which == number]
        limit = source.rows if source.options.limit is None else source.options.limit
        assert len(own) == mix.counts[number] <= min(source.rows, limit)
        assert own == sorted(set(own))
        if source.options.weight is None:
            assert mix.counts[number] == min(source.rows, limit)


@given(SOURCES, OPTIONS)
def test_the_same_mix_is_made_again(sources: list[Source], options: MixOptions) -> None:
    first, second = plan_mix(sources, options), plan_mix(sources, options)
    streams = [range(source.rows) for source in sources]
    assert list(first.rows(streams)) == list(second.rows(streams))


@given(st.lists(st.tuples(st.integers(1, 200), st.floats(0.1, 10.0)), min_size=1, max_size=5))
def test_weights_are_kept_to_the_row(pairs: list[tuple[int, float]]) -> None:
    mix = plan_mix([weighted(rows, weight) for rows, weight in pairs], MixOptions())
    total, whole = sum(mix.counts), sum(weight for _, weight in pairs)
    for count, (_, weight) in zip(mix.counts, pairs, strict=True):
        assert abs(count - total * weight / whole) <= 1.0001


def test_a_wanted_total_is_shared_out_by_weight() -> None:
    sources = [weighted(1000, 3), weighted(1000, 1), Source(7)]
    assert plan_mix(sources, MixOptions(total=100)).counts == (75, 25, 7)


def test_weights_win_over_the_total_where_a_source_is_short() -> None:
    assert plan_mix([weighted(1000, 3), weighted(10, 1)], MixOptions(total=100)).counts == (30, 10)
    assert plan_mix([weighted(1000, 3, limit=15), weighted(99, 1)], MixOptions()).counts == (15, 5)


def test_an_empty_source_weighs_nothing() -> None:
    assert plan_mix([weighted(10, 1), weighted(0, 9)], MixOptions()).counts == (10, 0)


def test_thirds_sum_to_the_whole() -> None:
    mix = plan_mix([weighted(50, 1), weighted(50, 1), weighted(50, 1)], MixOptions(total=100))
    assert sorted(mix.counts) == [33, 33, 34]


def test_sources_come_one_after_another_or_interleaved() -> None:
    sources = [Source(50), Source(50)]
    plain = list(plan_mix(sources, MixOptions()).order())
    mixed = list(plan_mix(sources, MixOptions(order="shuffled")).order())
    assert plain == [0] * 50 + [1] * 50
    assert mixed != plain
    assert Counter(mixed) == Counter(plain)
    assert 10 < Counter(mixed[:50])[0] < 40


def test_another_seed_takes_other_rows() -> None:
    taken = [
        list(plan_mix([Source(100, SourceOptions(limit=50))], MixOptions(seed=seed)).taken(0))
        for seed in (1, 2)
    ]
    assert taken[0] != taken[1]


def test_every_row_is_as_likely_as_any_other() -> None:
    times: Counter[int] = Counter()
    for seed in range(600):
        mix = plan_mix([Source(10, SourceOptions(limit=3))], MixOptions(seed=seed))
        times.update(at for at, take in enumerate(mix.taken(0)) if take)
    # 180 each; more than 5 standard deviations off would be no chance.
    assert all(120 < times[at] < 240 for at in range(10))


def test_no_row_is_read_before_its_turn() -> None:
    read: list[int] = []

    def stream() -> Iterator[int]:
        for number in range(3):
            read.append(number)
            yield number

    rows = plan_mix([Source(3)], MixOptions()).rows([stream()])
    assert next(rows) == (0, 0)
    assert read == [0]
