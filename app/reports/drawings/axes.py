"""Axes of a plot: positions of values, grid lines at round numbers, the legend."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from app.reports.drawings.svg import SERIES, WIDTH, coordinate, element, label
from app.reports.wording import one_line

_PLOT_HEIGHT = 190
_RIGHT = 16
_LEAST_IN_FULL = 0.001
"""Smaller numbers are written in scientific notation."""
_CHARACTER = 8.2
"""Width of a character in a legend, in pixels; a little more than usual fonts have."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A plot's inner rectangle; values go from `lowest`, or from 0, at the bottom to `highest`."""

    top: float
    highest: float
    left: float = 58
    lowest: float = 0.0
    """At most 0."""

    @property
    def width(self) -> float:
        """Width of the inner rectangle in pixels."""
        return WIDTH - self.left - _RIGHT

    @property
    def bottom(self) -> float:
        """The y coordinate of the lower edge."""
        return self.top + _PLOT_HEIGHT

    @property
    def height(self) -> float:
        """Height of the whole drawing, including the texts below the axis."""
        return self.bottom + 46

    def y(self, value: float) -> float:
        """Return the y coordinate of a value."""
        lowest, highest = self._ticks[0], self._ticks[-1]
        return self.bottom - _PLOT_HEIGHT * min(1.0, (value - lowest) / (highest - lowest))

    @property
    def ceiling(self) -> float:
        """The round number at or above the highest value."""
        return self._ticks[-1]

    @property
    def _ticks(self) -> list[float]:
        return ticks(self.highest, self.lowest)

    def grid(self) -> str:
        """Draw a grid line with its number at each round number."""
        drawn = []
        for value in self._ticks:
            y = self.y(value)
            path = f"M{coordinate(self.left)} {coordinate(y)}h{coordinate(self.width)}"
            drawn.append(element("path", d=path, class_="grid"))
            drawn.append(
                label(short(value), self.left - 6, y + 4, text_anchor="end", class_="soft")
            )
        return "".join(drawn)

    def tick(self, text: str, x: float) -> str:
        """Write a label below the horizontal axis."""
        y = self.bottom + 17
        anchor = "end" if x > WIDTH - _RIGHT - 14 else "middle"
        return label(text, x, y, most=10, text_anchor=anchor, class_="soft")

    def axis_name(self, text: str) -> str:
        """Write the name of the horizontal axis."""
        x = self.left + self.width / 2
        return label(text, x, self.bottom + 37, most=70, text_anchor="middle", class_="soft")


def ticks(highest: float, lowest: float = 0.0) -> list[float]:
    """Return round numbers, 0 among them, that enclose both values; at most seven.

    `highest` is at least 0 and `lowest` at most 0; one of them isn't 0.
    """
    raw = (highest - lowest) / 5 * (1 - 1e-9)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw)
    # From the same number as the step: then there are never more than six for one sign.
    first = math.floor(5 * raw * lowest / (highest - lowest) / step)
    last = math.ceil(5 * raw * highest / (highest - lowest) / step)
    return [step * place for place in range(first, last + 1)]


def short(value: float) -> str:
    """Write a number for an axis: 1,500,000 as 1.5M, 0.00015 as 1.5e-4."""
    if value < 0:
        return f"-{short(-value)}"
    for unit, factor in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= factor:
            return f"{value / factor:.3g}{unit}"
    if 0 < value < _LEAST_IN_FULL:
        mantissa, _, exponent = f"{value:.2e}".partition("e")
        return f"{float(mantissa):g}e{int(exponent)}"
    return f"{value:.3g}"


def legend(names: Sequence[str], x: float, y: float) -> str:
    """Draw the colours and names of series in one line."""
    drawn = []
    width = (WIDTH - 2 * x) / max(1, len(names))
    for place, name in enumerate(names):
        text = one_line(name, max(4, int(width / _CHARACTER) - 3))
        drawn.append(
            element("rect", x=x, y=y, width=10, height=10, rx=2, class_=f"c{place % SERIES}")
        )
        drawn.append(label(text, x + 15, y + 10, class_="soft"))
        x += min(width, 36 + _CHARACTER * len(text))
    return "".join(drawn)
