"""Interval charts: a dot at each value, a line from the interval's low end to its high end."""

import pytest

from app.evaluation.metrics import Estimate
from app.reports.drawings.interval_bars import interval_chart, written
from app.reports.drawings.svg import Caption
from tests.unit.reports.drawings.parsed import Drawn, child, hint_of, number_of, steps_of, text_of

CAPTION = Caption("a-plot", "A plot", "It shows something.")
LEFT, RIGHT = 16.0, 480 - 16 - 158.0


def _at(value: float) -> float:
    return LEFT + (RIGHT - LEFT) * value


def test_dots_and_intervals_are_where_their_numbers_are() -> None:
    rows = {
        "exact": [Estimate(value=0.25, low=0.2, high=0.5), Estimate(value=0.75, low=0.6, high=1)],
        "rouge": [Estimate(value=0, low=0, high=0.1), Estimate(value=1.0)],
    }
    drawn = Drawn(interval_chart(CAPTION, ["base", "tuned"], rows))
    assert drawn.legend() == {"base": "c0", "tuned": "c1"}
    groups = drawn.marks("g", "m")
    estimates = [each for row in rows.values() for each in row]
    assert [hint_of(group) for group in groups] == [
        f"{model}, {name}: {written(estimate)}"
        for name, row in rows.items()
        for model, estimate in zip(("base", "tuned"), row, strict=True)
    ]
    for place, (group, estimate) in enumerate(zip(groups, estimates, strict=True)):
        colour = place % 2
        dot, stroke, track = child(group, "circle"), child(group, "path"), child(group, "rect")
        middle = number_of(dot, "cy")
        assert number_of(dot, "cx") == pytest.approx(_at(estimate.value), abs=0.01)
        assert (dot.attrib["class"], stroke.attrib["class"]) == (f"c{colour}", f"l{colour}")
        low = _at(estimate.value if estimate.low is None else estimate.low)
        high = _at(estimate.value if estimate.high is None else estimate.high)
        steps = steps_of(stroke)
        assert "".join(step.command for step in steps) == "MHMvMv"
        numbers = [number for step in steps for number in step.numbers]
        assert numbers == pytest.approx(
            [low, middle, high, low, middle - 4, 8, high, middle - 4, 8], abs=0.01
        )
        assert (number_of(track, "x"), number_of(track, "width")) == (LEFT, RIGHT - LEFT)
        assert number_of(track, "y") + number_of(track, "height") / 2 == middle
        figure = text_of(child(group, "text"))
        assert (figure.text, figure.anchor) == (written(estimate), "end")
        assert (figure.x, figure.y) == (480 - 16, middle + 5)


def test_models_stand_under_the_name_of_their_figure() -> None:
    rows = {"one": [Estimate(value=0.1)] * 3, "two": [Estimate(value=0.2)] * 3}
    drawn = Drawn(interval_chart(CAPTION, ["a", "b", "c"], rows))
    heights = [number_of(child(group, "circle"), "cy") for group in drawn.marks("g", "m")]
    names = {each.text: each.y for each in drawn.texts() if each.text in rows}
    assert names == {"one": 88, "two": 88 + 90}
    assert heights == [104, 124, 144, 194, 214, 234]
    assert drawn.height == 76 + 2 * 90


def test_what_lies_outside_the_scale_is_drawn_at_its_end() -> None:
    rows = {"d": [Estimate(value=1.2, low=-0.5, high=1.5)]}
    (group,) = Drawn(interval_chart(CAPTION, ["m"], rows)).marks("g", "m")
    assert number_of(child(group, "circle"), "cx") == RIGHT
    reach = steps_of(child(group, "path"))
    assert (reach[0].numbers[0], reach[1].numbers[0]) == (LEFT, RIGHT)
    assert hint_of(group) == "m, d: 1.200 (-0.500 to 1.500)"


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate(value=0.41, low=0.37, high=0.46), "0.410 (0.370 to 0.460)"),
        (Estimate(value=0.4567), "0.457"),
        (Estimate(value=0.5, low=0.1), "0.500"),
        (Estimate(value=0.5, high=0.9), "0.500"),
    ],
)
def test_figures_are_written_with_the_interval_they_have(estimate: Estimate, text: str) -> None:
    assert written(estimate) == text


def test_without_rows_the_plot_says_so() -> None:
    texts = [each.text for each in Drawn(interval_chart(CAPTION, ["m"], {})).texts()]
    assert texts == ["A plot", "No data."]
