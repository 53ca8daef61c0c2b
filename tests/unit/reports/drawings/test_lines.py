"""Line charts: each point is where its numbers are on both axes, joined in one stroke."""

import pytest

from app.reports.drawings.lines import Line, line_chart
from app.reports.drawings.svg import Caption
from tests.unit.reports.drawings.parsed import Drawn, corners_of, hint_of, number_of, steps_of

CAPTION = Caption("a-plot", "A plot", "It shows something.")
RISING = [(0.0, 1.0), (4.0, 2.5), (10.0, 9.0), (13.0, 4.0)]
FALLING = [(0.0, 7.0), (5.0, 0.0), (13.0, 0.5)]


@pytest.mark.parametrize("lines", [[Line("one", RISING)], [Line("a", RISING), Line("b", FALLING)]])
def test_each_point_is_where_both_axes_have_its_numbers(lines: list[Line]) -> None:
    drawn = Drawn(line_chart(CAPTION, lines, "x"))
    across, up = drawn.level_axis(), drawn.upright_axis()
    assert across.is_linear
    assert up.is_linear
    for place, line in enumerate(lines):
        (stroke,) = drawn.marks("path", f"l{place}")
        expected = [(across.at(x), up.at(y)) for x, y in line.points]
        assert corners_of(steps_of(stroke)) == [pytest.approx(each, abs=0.02) for each in expected]
        dots = drawn.marks("circle", f"c{place}")
        centres = [(number_of(dot, "cx"), number_of(dot, "cy")) for dot in dots]
        assert centres == [pytest.approx(each, abs=0.02) for each in expected]


def test_zero_is_at_the_bottom_left_and_higher_values_are_higher() -> None:
    drawn = Drawn(line_chart(CAPTION, [Line("one", RISING)], "x"))
    across, up = drawn.level_axis(), drawn.upright_axis()
    assert up.values == (0, 2, 4, 6, 8, 10)
    assert list(up.places) == sorted(up.places, reverse=True)
    assert across.values == (0, 5, 10, 15)
    assert list(across.places) == sorted(across.places)
    assert (across.places[0], across.places[-1]) == drawn.grid_reach()
    assert up.places[0] - up.places[-1] == 190


def test_the_drawing_is_as_tall_as_what_is_in_it() -> None:
    for lines in ([Line("one", RISING)], [Line("a", RISING), Line("b", FALLING)]):
        drawn = Drawn(line_chart(CAPTION, lines, "the axis"))
        bottom = max(drawn.upright_axis().places)
        (name,) = [each for each in drawn.texts() if each.text == "the axis"]
        assert (name.x, name.y, name.anchor) == (261, bottom + 37, "middle")
        assert drawn.height == bottom + 46
        assert min(drawn.upright_axis().places) == (76 if len(lines) > 1 else 56)


def test_the_area_lies_between_one_line_and_the_bottom() -> None:
    drawn = Drawn(line_chart(CAPTION, [Line("one", RISING)], "x"))
    (area,) = drawn.marks("path", "a0")
    (stroke,) = drawn.marks("path", "l0")
    bottom = drawn.upright_axis().at(0)
    *outline, last = steps_of(area)
    corners = corners_of(steps_of(stroke))
    assert last.command == "Z"
    assert corners_of(outline) == [(corners[0][0], bottom), *corners, (corners[-1][0], bottom)]
    order = [each.attrib["class"] for each in drawn.root if "d" in each.attrib]
    assert order.index("a0") < order.index("l0")


def test_several_lines_have_no_areas_and_a_legend_in_their_colours() -> None:
    drawn = Drawn(line_chart(CAPTION, [Line("a", RISING), Line("b", FALLING)], "x"))
    assert drawn.legend() == {"a": "c0", "b": "c1"}
    assert [hint_of(dot) for dot in drawn.marks("circle", "c1")] == [
        "b, 0: 7", "b, 5: 0", "b, 13: 0.5",
    ]  # fmt: skip
    assert not drawn.marks("path", "a0")
    alone = Drawn(line_chart(CAPTION, [Line("a", RISING), Line("none", [])], "x"))
    assert alone.legend() == {}


def test_a_ninth_line_has_the_first_colour_again() -> None:
    drawn = Drawn(line_chart(CAPTION, [Line(f"n{i}", RISING) for i in range(9)], "x"))
    assert drawn.legend()["n7"] == "c7"
    assert drawn.legend()["n8"] == "c0"
    assert len(drawn.marks("path", "l0")) == 2
    assert len(drawn.marks("circle", "c0")) == 2 * len(RISING)


def test_named_places_stand_under_their_points() -> None:
    names = [f"p{place}" for place in range(14)]
    drawn = Drawn(line_chart(CAPTION, [Line("one", RISING)], "x", names))
    below = drawn.below_the_axis()
    assert [each.text for each in below] == ["p0", "p3", "p6", "p9", "p12"]
    centres = {hint_of(dot): number_of(dot, "cx") for dot in drawn.marks("circle", "c0")}
    assert list(centres) == ["one, p0: 1", "one, p4: 2.5", "one, p10: 9", "one, p13: 4"]
    left, right = centres["one, p0: 1"], centres["one, p13: 4"]
    assert (left, right) == drawn.grid_reach()
    for place, text in zip((0, 3, 6, 9, 12), below, strict=True):
        assert text.x == pytest.approx(left + (right - left) * place / 13, abs=0.02)


def test_values_are_written_as_the_caller_says() -> None:
    svg = line_chart(CAPTION, [Line("loss", [(1, 0.25)])], "step", written="{:.3f}".format)
    assert Drawn(svg).hints() == ["loss, 1: 0.250"]


@pytest.mark.parametrize(("count", "radius"), [(2, "2.6"), (40, "2.6"), (41, "1.6")])
def test_dots_of_many_points_are_small(count: int, radius: str) -> None:
    svg = line_chart(CAPTION, [Line("a", [(float(n), 1.0) for n in range(count)])], "x")
    assert {dot.attrib["r"] for dot in Drawn(svg).marks("circle", "c0")} == {radius}


def test_a_line_of_many_points_is_thinned_and_keeps_its_ends() -> None:
    points = [(float(n), float(n * n)) for n in range(5_000)]
    hints = Drawn(line_chart(CAPTION, [Line("a", points)], "x")).hints()
    assert len(hints) == 200
    assert (hints[0], hints[-1]) == ("a, 0: 0", "a, 4,999: 24,990,001")
    assert hints[100] == "a, 2,512: 6,310,144"


@pytest.mark.parametrize("count", [199, 200])
def test_up_to_two_hundred_points_all_are_drawn(count: int) -> None:
    svg = line_chart(CAPTION, [Line("a", [(float(n), 1.0) for n in range(count)])], "x")
    assert len(Drawn(svg).hints()) == count
