"""Bars: as long or as high as their values, under or beside each other, in their colours."""

import itertools

import pytest

from app.reports.drawings.bars import Bar, bar_chart, grouped_bar_chart, histogram
from app.reports.drawings.svg import Caption
from tests.unit.reports.drawings.parsed import Drawn, child, hint_of, number_of, text_of

CAPTION = Caption("a-plot", "A plot", "It shows something.")


def _sides(drawn: Drawn, class_: str) -> list[tuple[float, float, float, float]]:
    """Return left, right, top and bottom of each rectangle of a class."""
    found = []
    for rect in drawn.marks("rect", class_):
        x, y = number_of(rect, "x"), number_of(rect, "y")
        found.append((x, x + number_of(rect, "width"), y, y + number_of(rect, "height")))
    return found


def test_bars_are_as_long_as_their_values() -> None:
    drawn = Drawn(bar_chart(CAPTION, [Bar("a", 200), Bar("b", 50), Bar("c", 0), Bar("d", 0.1)]))
    widths = [right - left for left, right, _, _ in _sides(drawn, "c0")]
    (full,) = {right - left for left, right, _, _ in _sides(drawn, "track")}
    assert full == 480 - 2 * 16
    assert widths == [full, full / 4, 0, 2]


def test_a_bar_lies_on_its_track_under_its_name_and_value() -> None:
    drawn = Drawn(bar_chart(CAPTION, [Bar("a", 4), Bar("b", 1_234, "many")]))
    rows = drawn.marks("g", "m")
    assert [hint_of(row) for row in rows] == ["a: 4", "b: many"]
    tracks, bars = _sides(drawn, "track"), _sides(drawn, "c0")
    for row, track, bar in zip(rows, tracks, bars, strict=True):
        assert (bar[0], bar[2], bar[3]) == (track[0], track[2], track[3])
        name, value = [text_of(each) for each in row if each.tag.endswith("text")]
        assert f"{name.text}: {value.text}" == hint_of(row)
        assert (name.x, name.anchor) == (16, "start")
        assert (value.x, value.anchor) == (480 - 16, "end")
        assert name.y == value.y == track[2] - 6
        assert track[3] - track[2] == 7
    assert [track[2] for track in tracks] == [61, 97]
    assert drawn.height == 40 + 2 * 36 + 8


def test_a_legend_moves_the_bars_down_and_names_their_colours() -> None:
    bars = [Bar("a", 4, series=1), Bar("b", 2, series=0), Bar("c", 1, series=9)]
    drawn = Drawn(bar_chart(CAPTION, bars, ["first", "second"]))
    assert drawn.legend() == {"first": "c0", "second": "c1"}
    assert [hint_of(row) for row in drawn.marks("g", "m")] == ["a: 4", "b: 2", "c: 1"]
    coloured = [row.findall("*[@class='c1']") for row in drawn.marks("g", "m")]
    assert [len(each) for each in coloured] == [1, 0, 1]
    assert [side[2] for side in _sides(drawn, "track")] == [93, 129, 165]
    assert drawn.height == 72 + 3 * 36 + 8


def test_columns_stand_on_zero_and_reach_their_value() -> None:
    bars = [Bar("0 to 1", 10), Bar("1 to 2", 5), Bar("2 to 3", 0), Bar("3 to 4", 7.5)]
    drawn = Drawn(histogram(CAPTION, bars, "x"))
    up = drawn.upright_axis()
    assert up.is_linear
    assert up.values == (0, 2, 4, 6, 8, 10)
    sides = _sides(drawn, "c0")
    assert [top for _, _, top, _ in sides] == [pytest.approx(up.at(bar.value)) for bar in bars]
    assert {bottom for *_, bottom in sides} == {up.at(0)}
    assert drawn.hints() == ["0 to 1: 10", "1 to 2: 5", "2 to 3: 0", "3 to 4: 7.5"]
    assert drawn.legend() == {}
    assert min(up.places) == 56


def test_negative_columns_hang_from_zero() -> None:
    series = {"a": [Bar("first", 3.0), Bar("second", -1.5)], "b": [Bar("b1", -2.0), Bar("b2", 0.0)]}
    drawn = Drawn(grouped_bar_chart(CAPTION, ["1", "2"], series, "x"))
    up = drawn.upright_axis()
    assert up.is_linear
    assert up.values == (-2, -1, 0, 1, 2, 3)
    for colour, values in (("c0", (3.0, -1.5)), ("c1", (-2.0, 0.0))):
        _legend, *bars = _sides(drawn, colour)
        for (*_, top, bottom), value in zip(bars, values, strict=True):
            assert (top, bottom) == pytest.approx((up.at(max(0, value)), up.at(min(0, value))))


def test_columns_that_are_all_negative_have_zero_on_top() -> None:
    drawn = Drawn(histogram(CAPTION, [Bar("a", -4), Bar("b", -1)], "x"))
    assert drawn.upright_axis().values == (-4, -3, -2, -1, 0)


def test_columns_stand_over_their_names_from_left_to_right() -> None:
    bars = [Bar(f"n{place}", place + 1) for place in range(5)]
    drawn = Drawn(histogram(CAPTION, bars, "the axis"))
    left, right = drawn.grid_reach()
    slot = (right - left) / 5
    names = drawn.below_the_axis()
    assert [each.text for each in names] == ["n0", "n1", "n2", "n3", "n4"]
    for place, (name, side) in enumerate(zip(names, _sides(drawn, "c0"), strict=True)):
        assert name.anchor == "middle"
        assert name.x == pytest.approx(left + (place + 0.5) * slot)
        middle = (side[0] + side[1]) / 2
        assert middle == pytest.approx(name.x, abs=0.31)
        assert side[1] - side[0] == pytest.approx(slot - 6 - 0.6)
    (axis,) = [each for each in drawn.texts() if each.text == "the axis"]
    assert axis.y == max(drawn.upright_axis().places) + 37


@pytest.mark.parametrize(("count", "every"), [(8, 1), (9, 2), (16, 2), (17, 3)])
def test_of_many_names_some_are_written(count: int, every: int) -> None:
    drawn = Drawn(histogram(CAPTION, [Bar(f"n{place}", 1) for place in range(count)], "x"))
    assert [each.text for each in drawn.below_the_axis()] == [
        f"n{place}" for place in range(0, count, every)
    ]


def test_very_narrow_columns_can_still_be_seen() -> None:
    drawn = Drawn(histogram(CAPTION, [Bar("n", 1) for _ in range(600)], "x"))
    widths = [right - left for left, right, _, _ in _sides(drawn, "c0")]
    assert widths == [pytest.approx(0.5)] * 600


def test_series_stand_side_by_side_in_their_order_and_colours() -> None:
    series = {
        "one": [Bar("one, A", 4), Bar("one, B", 1)],
        "two": [Bar("two, A", 2), Bar("two, B", 3)],
        "three": [Bar("three, A", 0.5), Bar("three, B", 2)],
    }
    drawn = Drawn(grouped_bar_chart(CAPTION, ["A", "B"], series, "x"))
    assert drawn.legend() == {"one": "c0", "two": "c1", "three": "c2"}
    up = drawn.upright_axis()
    assert min(up.places) == 76
    left, right = drawn.grid_reach()
    for place, bars in enumerate(series.values()):
        tops = [top for _, _, top, _ in _sides(drawn, f"c{place}") if top > 60]
        assert tops == [pytest.approx(up.at(bar.value)) for bar in bars]
    columns = sorted(
        (side for place in range(3) for side in _sides(drawn, f"c{place}") if side[3] > 60),
        key=lambda side: side[0],
    )
    assert all(one[1] < two[0] for one, two in itertools.pairwise(columns))
    middle = (left + right) / 2
    assert columns[2][1] < middle < columns[3][0]
    assert left < columns[0][0]
    assert columns[-1][1] < right
    titles = [hint_of(rect) for rect in drawn.marks("rect", "m")]
    assert titles == ["one, A: 4", "two, A: 2", "three, A: 0.5", "one, B: 1", "two, B: 3",
                      "three, B: 2"]  # fmt: skip
    assert [each.text for each in drawn.below_the_axis()] == ["A", "B"]


def test_a_column_can_name_its_colour() -> None:
    drawn = Drawn(histogram(CAPTION, [Bar("a", 1, series=3), Bar("b", 1, series=10)], "x"))
    assert [rect.attrib["class"] for rect in drawn.marks("rect", "m")] == ["m c3", "m c2"]


def test_a_value_can_be_written_by_the_caller() -> None:
    drawn = Drawn(bar_chart(CAPTION, [Bar("a", 12.0, "twelve")]))
    (row,) = drawn.marks("g", "m")
    assert hint_of(row) == "a: twelve"
    assert child(row, "title").text == "a: twelve"
    assert Bar("a", 1234.56).text == "1,234.6"
