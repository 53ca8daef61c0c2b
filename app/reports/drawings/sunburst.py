"""Sunburst: two rings of sectors, like the paper's figure 2."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from app.reports.drawings.svg import (
    Caption,
    coordinate,
    document,
    element,
    hint,
    label,
    nothing_to_show,
)
from app.reports.wording import number, part

_SIDE = 520
_CENTRE_X, _CENTRE_Y = 260.0, 296.0
_RINGS = (62.0, 150.0, 244.0)
# The golden angle puts neighbours far apart on the colour wheel, however many there are.
_GOLDEN = 137.508
_NARROWEST_INNER, _NARROWEST_OUTER = 11.0, 10.5


@dataclass(frozen=True, slots=True)
class Sector:
    """A named sector of the inner ring, with its sectors of the outer ring."""

    name: str
    count: int
    """Total count, which may be more than the sum of its outer sectors."""
    outer: Sequence[tuple[str, int]]


def sunburst(caption: Caption, sectors: Sequence[Sector]) -> str:
    """Draw sectors clockwise from the top; each is as wide as its outer sectors together."""
    whole = sum(count for sector in sectors for _, count in sector.outer)
    if whole == 0:
        return nothing_to_show(caption)
    drawn, start = [], 0.0
    for place, sector in enumerate(sectors):
        turn = 2 * math.pi * sum(count for _, count in sector.outer) / whole
        drawn.append(_sector(sector, start, turn, (place * _GOLDEN + 215) % 360))
        start += turn
    return document(caption, _CENTRE_Y + _RINGS[2] + 14, drawn, width=_SIDE)


def _sector(sector: Sector, start: float, turn: float, hue: float) -> str:
    dark = f"hsl({hue:.0f},42%,42%)"
    light = f"hsl({hue:.0f},48%,74%)"
    text = f"{sector.name}: {number(sector.count)}"
    drawn = [_slice(start, turn, 0, dark, text)]
    drawn.append(_along(sector.name, start + turn / 2, turn, 0))
    own = sum(count for _, count in sector.outer)
    for name, count in sector.outer:
        width = turn * count / own if own else 0.0
        text = f"{sector.name} {name}: {number(count)} ({part(count, sector.count)} of it)"
        drawn.append(_slice(start, width, 1, light, text))
        drawn.append(_along(name, start + width / 2, width, 1))
        start += width
    return "".join(drawn)


def _slice(start: float, turn: float, ring: int, fill: str, text: str) -> str:
    # An arc can't be a full turn, because its ends would be equal; this much less is invisible.
    turn = min(turn, 2 * math.pi - 1e-4)
    inner, outer = _RINGS[ring], _RINGS[ring + 1]
    large = int(turn > math.pi)
    end = start + turn
    path = (
        f"M{_point(inner, start)}L{_point(outer, start)}"
        f"A{coordinate(outer)} {coordinate(outer)} 0 {large} 1 {_point(outer, end)}"
        f"L{_point(inner, end)}"
        f"A{coordinate(inner)} {coordinate(inner)} 0 {large} 0 {_point(inner, start)}Z"
    )
    return element("path", hint(text), d=path, fill=fill, class_="m thin")


def _point(radius: float, angle: float) -> str:
    """Return a point of the circle; the angle is clockwise from the top, in radians."""
    x = _CENTRE_X + radius * math.sin(angle)
    y = _CENTRE_Y - radius * math.cos(angle)
    return f"{coordinate(x)} {coordinate(y)}"


def _along(name: str, angle: float, turn: float, ring: int) -> str:
    """Write a name along the radius in the middle of its sector, never upside down.

    Narrow sectors have no name.
    """
    inner, outer = _RINGS[ring], _RINGS[ring + 1]
    if turn * (inner + 8) < (_NARROWEST_OUTER if ring else _NARROWEST_INNER):
        return ""
    degrees = math.degrees(angle) - 90
    middle = coordinate((inner + outer) / 2)
    upside_down = 90 < degrees % 360 < 270
    x, turned = (f"-{middle}", degrees + 180) if upside_down else (middle, degrees)
    place = (
        f"translate({coordinate(_CENTRE_X)} {coordinate(_CENTRE_Y)}) "
        f"rotate({coordinate(turned)}) translate({x} 4)"
    )
    text = label(
        name, 0, 0, most=15 if ring else 12, text_anchor="middle",
        class_="on-light" if ring else "on-dark",
    )  # fmt: skip
    return element("g", text, transform=place, pointer_events="none")
