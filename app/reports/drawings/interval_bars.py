"""Values from 0 to 1 with their intervals, for several models below each name."""

from collections.abc import Mapping, Sequence

from app.evaluation.metrics import Estimate
from app.reports.drawings.axes import legend
from app.reports.drawings.svg import (
    SERIES,
    WIDTH,
    Caption,
    coordinate,
    document,
    element,
    hint,
    label,
    nothing_to_show,
)

_MARGIN = 16
_TEXT = 158
"""Width of the text at the right, in pixels."""
_LINE = 20


def interval_chart(
    caption: Caption, series: Sequence[str], rows: Mapping[str, Sequence[Estimate]]
) -> str:
    """Draw a dot and its interval for each name and series, on one scale from 0 to 1."""
    if not rows:
        return nothing_to_show(caption)
    drawn = [legend(series, _MARGIN, 48)]
    y = 76.0
    for name, estimates in rows.items():
        drawn.append(label(name, _MARGIN, y + 12, most=56))
        for place, estimate in enumerate(estimates):
            title = f"{series[place]}, {name}: {written(estimate)}"
            drawn.append(_interval(estimate, title, y + 18 + place * _LINE, place % SERIES))
        y += 30 + _LINE * len(estimates)
    return document(caption, y, drawn)


def written(estimate: Estimate) -> str:
    """Write a value with its interval, such as ``0.410 (0.370 to 0.460)``."""
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"


def _interval(estimate: Estimate, title: str, y: float, colour: int) -> str:
    width = WIDTH - 2 * _MARGIN - _TEXT
    middle = y + _LINE / 2
    low = estimate.value if estimate.low is None else estimate.low
    high = estimate.value if estimate.high is None else estimate.high
    left, right = _MARGIN + width * _inside(low), _MARGIN + width * _inside(high)
    reach = f"M{coordinate(left)} {coordinate(middle)}H{coordinate(right)}"
    ends = "".join(f"M{coordinate(x)} {coordinate(middle - 4)}v8" for x in (left, right))
    return element(
        "g",
        hint(title)
        + element("rect", x=_MARGIN, y=middle - 1, width=width, height=2, rx=1, class_="track")
        + element("path", d=reach + ends, class_=f"l{colour}")
        + element(
            "circle", cx=_MARGIN + width * _inside(estimate.value), cy=middle, r=4.5,
            class_=f"c{colour}",
        )
        + label(
            written(estimate), WIDTH - _MARGIN, middle + 5, text_anchor="end", class_="soft"
        ),
        class_="m",
    )  # fmt: skip


def _inside(value: float) -> float:
    return min(1.0, max(0.0, value))
