"""Axes: few round numbers that reach the highest value, in their places, and legends that fit."""

import pytest

from app.reports.drawings.axes import Frame, legend, short, ticks
from app.reports.drawings.svg import Caption, document
from tests.unit.reports.drawings.parsed import Drawn

CAPTION = Caption("a-plot", "A plot", "It shows something.")


@pytest.mark.parametrize("highest", [1e-6, 0.3, 1, 3, 7, 10, 99, 101, 123_456, 5e12])
def test_axes_have_few_round_numbers_and_reach_the_highest(highest: float) -> None:
    values = ticks(highest)
    assert values[0] == 0
    assert 3 <= len(values) <= 6
    assert values[-2] < highest <= values[-1] * (1 + 1e-9)


@pytest.mark.parametrize(
    ("highest", "step"), [(5.000000005, 1), (12.5000000125, 2.5), (25.000000025, 5)]
)
def test_a_rounding_error_above_the_last_number_needs_no_other_step(
    highest: float, step: float
) -> None:
    assert ticks(highest) == [step * place for place in range(6)]


@pytest.mark.parametrize(
    ("highest", "step", "count"),
    [(5, 1, 6), (5.1, 2, 4), (10, 2, 6), (11, 2.5, 6), (12.6, 5, 4), (25, 5, 6), (26, 10, 4),
     (50, 10, 6), (0.3, 0.1, 4), (1, 0.2, 6)],
)  # fmt: skip
def test_steps_are_1_or_2_or_2_and_a_half_or_5(highest: float, step: float, count: int) -> None:
    assert ticks(highest) == pytest.approx([step * place for place in range(count)])


@pytest.mark.parametrize(
    ("lowest", "highest", "values"),
    [
        (-2, 3, [-2, -1, 0, 1, 2, 3]), (-0.01, 3, [-1, 0, 1, 2, 3]),
        (-5, 0, [-5, -4, -3, -2, -1, 0]),
        (-0.3, 0.3, [-0.4, -0.2, 0, 0.2, 0.4]), (-26, 3, [-30, -20, -10, 0, 10]),
    ],
)  # fmt: skip
def test_an_axis_of_both_signs_has_zero_and_encloses_both(
    lowest: float, highest: float, values: list[float]
) -> None:
    assert ticks(highest, lowest) == pytest.approx(values)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0"), (0.25, "0.25"), (1, "1"), (12.5, "12.5"), (999, "999"), (1_000, "1k"),
        (1_500, "1.5k"), (999_000, "999k"), (1e6, "1M"), (2.5e6, "2.5M"), (1e9, "1G"),
        (5e12, "5e+03G"), (0.001, "0.001"), (0.0005, "5e-4"), (0.00015, "1.5e-4"),
        (0.0000125, "1.25e-5"), (-0.25, "-0.25"), (-1_500, "-1.5k"), (-0.00015, "-1.5e-4"),
    ],
)  # fmt: skip
def test_numbers_beside_an_axis_are_short(value: float, written: str) -> None:
    assert short(value) == written


def test_values_lie_between_the_bottom_and_the_top() -> None:
    frame = Frame(top=56, highest=7)
    assert frame.ceiling == 8
    assert [frame.y(value) for value in (0, 2, 4, 8, 9)] == [246, 198.5, 151, 56, 56]
    assert (frame.left, frame.width, frame.height) == (58, 406, 292)


def test_the_last_text_below_an_axis_stays_inside() -> None:
    frame = Frame(top=56, highest=1)
    body = [frame.tick("first", 58), frame.tick("inside", 450), frame.tick("last", 464)]
    texts = Drawn(document(CAPTION, frame.height, body)).texts("soft")
    assert [(each.text, each.x, each.y, each.anchor) for each in texts] == [
        ("first", 58, 263, "middle"), ("inside", 450, 263, "middle"), ("last", 464, 263, "end"),
    ]  # fmt: skip


def test_texts_below_an_axis_are_cut() -> None:
    frame = Frame(top=56, highest=1)
    body = [frame.tick("w" * 20, 58), frame.axis_name("w" * 80)]
    texts = Drawn(document(CAPTION, frame.height, body)).texts("soft")
    assert [len(each.text) for each in texts] == [10, 70]


def test_names_of_a_legend_stand_in_one_line_and_do_not_overlap() -> None:
    for names in (["a", "b"], [f"name {place}" for place in range(8)], ["w" * 99, "v" * 99]):
        drawn = Drawn(document(CAPTION, 90, [legend(names, 16, 48)]))
        squares = [float(each.attrib["x"]) for each in drawn.marks("rect", "c0")]
        texts = drawn.texts("soft")
        assert {each.y for each in texts} == {58}
        assert squares[0] == 16
        ends = [text.x + 8.2 * len(text.text) for text in texts]
        starts = [text.x - 15 for text in texts]
        assert all(end < start for end, start in zip(ends, starts[1:], strict=False))
        assert ends[-1] <= 464


def test_a_legend_gives_its_names_the_width_there_is() -> None:
    texts = Drawn(document(CAPTION, 90, [legend(["w" * 99, "v" * 99], 16, 48)])).texts("soft")
    assert [(each.text, each.x) for each in texts] == [
        ("w" * 23 + "…", 31), ("v" * 23 + "…", 255)
    ]  # fmt: skip
    short_names = Drawn(document(CAPTION, 90, [legend(["ab", "cd"], 16, 48)])).texts("soft")
    assert [each.x for each in short_names] == [31, 31 + 36 + 16.4]


def test_a_ninth_name_of_a_legend_has_the_first_colour_again() -> None:
    drawn = Drawn(document(CAPTION, 90, [legend([f"n{place}" for place in range(10)], 16, 48)]))
    assert len(drawn.marks("rect", "c0")) == len(drawn.marks("rect", "c1")) == 2
    assert len(drawn.marks("rect", "c7")) == 1
