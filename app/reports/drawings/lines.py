"""Line charts; the area below a single line is filled."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.reports.drawings.axes import Frame, legend, short, ticks
from app.reports.drawings.svg import (
    SERIES,
    Caption,
    coordinate,
    document,
    element,
    hint,
    nothing_to_show,
)
from app.reports.wording import number

_MOST_POINTS = 200


@dataclass(frozen=True, slots=True)
class Line:
    """A named series of points, from left to right."""

    name: str
    points: Sequence[tuple[float, float]]
    """Pairs of x and y; no value is below 0."""


def line_chart(
    caption: Caption,
    lines: Sequence[Line],
    axis: str,
    places: Sequence[str] = (),
    written: Callable[[float], str] | None = None,
) -> str:
    """Draw lines, and the area below a single line: several areas would hide each other.

    Args:
        caption: Name, title and description.
        lines: Of more than 200 points, evenly spaced ones are drawn, including the last.
        axis: Name of the horizontal axis.
        places: Labels for the whole numbers from 0 on the horizontal axis; empty: numbers.
        written: Formats a value in a hint; None: as a count or with one decimal.
    """
    drawable = [Line(line.name, _thinned(line.points)) for line in lines if line.points]
    if not drawable:
        return nothing_to_show(caption)
    named = len(drawable) > 1
    highest = max(y for line in drawable for _, y in line.points) or 1
    frame = Frame(top=76 if named else 56, highest=highest)
    farthest = max(x for line in drawable for x, _ in line.points) or 1
    across = farthest if places else ticks(farthest)[-1]
    drawn = [frame.grid(), frame.axis_name(axis), *_marks(frame, across, places)]
    drawn += [legend([line.name for line in drawable], 16, 48)] if named else []
    for place, line in enumerate(drawable):
        drawn += _line(frame, line, across, place % SERIES, is_filled=not named)
    for place, line in enumerate(drawable):
        drawn.append(_points(frame, line, across, place % SERIES, _Hints(places, written)))
    return document(caption, frame.height, drawn)


def _thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    if len(points) <= _MOST_POINTS:
        return points
    last = len(points) - 1
    return [points[round(i * last / (_MOST_POINTS - 1))] for i in range(_MOST_POINTS)]


def _marks(frame: Frame, across: float, places: Sequence[str]) -> list[str]:
    if not places:
        return [frame.tick(short(x), frame.left + frame.width * x / across) for x in ticks(across)]
    every = -(-len(places) // 6)
    return [
        frame.tick(places[i], frame.left + frame.width * i / max(1.0, across))
        for i in range(0, len(places), every)
    ]


def _line(frame: Frame, line: Line, across: float, colour: int, *, is_filled: bool) -> list[str]:
    at = [(frame.left + frame.width * x / across, frame.y(y)) for x, y in line.points]
    path = "L".join(f"{coordinate(x)} {coordinate(y)}" for x, y in at)
    bottom = coordinate(frame.bottom)
    first, last = coordinate(at[0][0]), coordinate(at[-1][0])
    drawn = [element("path", d=f"M{path}", class_=f"l{colour}")]
    if is_filled:
        area = f"M{first} {bottom}L{path}L{last} {bottom}Z"
        drawn.insert(0, element("path", d=area, class_=f"a{colour}"))
    return drawn


@dataclass(frozen=True, slots=True)
class _Hints:
    """The hints of dots, shown on hover."""

    places: Sequence[str]
    written: Callable[[float], str] | None

    def of(self, line: Line, x: float, y: float) -> str:
        where = self.places[int(x)] if self.places else number(int(x))
        if self.written is not None:
            return f"{line.name}, {where}: {self.written(y)}"
        return f"{line.name}, {where}: {number(int(y)) if y == int(y) else number(y)}"


def _points(frame: Frame, line: Line, across: float, colour: int, hints: _Hints) -> str:
    """Draw a dot at each point, with its numbers as a hint."""
    drawn = []
    for x, y in line.points:
        drawn.append(
            element(
                "circle",
                hint(hints.of(line, x, y)),
                cx=frame.left + frame.width * x / across,
                cy=frame.y(y),
                r=2.6 if len(line.points) <= 40 else 1.6,
                class_=f"m c{colour}",
            )
        )
    return "".join(drawn)
