"""Bar charts, grouped bar charts and histograms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.reports.drawings.axes import Frame, legend
from app.reports.drawings.svg import (
    SERIES,
    WIDTH,
    Caption,
    document,
    element,
    hint,
    label,
    nothing_to_show,
)
from app.reports.wording import number

_MARGIN = 16
_ROW = 36


@dataclass(frozen=True, slots=True)
class Bar:
    """A named value."""

    name: str
    value: float
    written: str = ""
    """The value as text; empty: formatted as a number."""
    series: int = 0
    """Number of the colour."""

    @property
    def text(self) -> str:
        """The value as text."""
        return self.written or number(self.value)


def bar_chart(caption: Caption, bars: Sequence[Bar], series: Sequence[str] = ()) -> str:
    """Draw horizontal bars one below the other, in the order given; series names make a legend."""
    if not bars:
        return nothing_to_show(caption)
    most = max((bar.value for bar in bars), default=0) or 1
    top = 40 + (32 if series else 0)
    drawn = [legend(series, _MARGIN, 48)] if series else []
    for place, bar in enumerate(bars):
        drawn.append(_row(bar, top + place * _ROW, bar.value / most))
    return document(caption, top + len(bars) * _ROW + 8, drawn)


def _row(bar: Bar, y: float, part: float) -> str:
    full = WIDTH - 2 * _MARGIN
    return element(
        "g",
        hint(f"{bar.name}: {bar.text}")
        + label(bar.name, _MARGIN, y + 15, most=42)
        + label(bar.text, WIDTH - _MARGIN, y + 15, text_anchor="end", class_="soft")
        + element("rect", x=_MARGIN, y=y + 21, width=full, height=7, rx=3.5, class_="track")
        + element(
            "rect",
            x=_MARGIN, y=y + 21, width=max(2.0, full * part) if bar.value > 0 else 0, height=7,
            rx=3.5, class_=f"c{bar.series % SERIES}",
        ),
        class_="m",
    )  # fmt: skip


def histogram(caption: Caption, bars: Sequence[Bar], axis: str) -> str:
    """Draw columns with their names below them; `axis` is the name of the horizontal axis."""
    return grouped_bar_chart(caption, [bar.name for bar in bars], {"": list(bars)}, axis)


def grouped_bar_chart(
    caption: Caption, groups: Sequence[str], series: Mapping[str, Sequence[Bar]], axis: str
) -> str:
    """Draw the bars of several series side by side in groups; negative ones hang below zero.

    Args:
        caption: Name, title and description.
        groups: Labels below the groups; with many groups only some are written.
        series: Bars by series name, one per group. A series with an empty name has no legend.
        axis: Name of the horizontal axis.
    """
    if not groups or not series:
        return nothing_to_show(caption)
    names = [name for name in series if name]
    values = [bar.value for bars in series.values() for bar in bars]
    highest, lowest = max(0.0, *values), min(0.0, *values)
    frame = Frame(top=76 if names else 56, highest=highest or (0 if lowest else 1), lowest=lowest)
    drawn = [frame.grid(), frame.axis_name(axis)]
    drawn += [legend(names, _MARGIN, 48)] if names else []
    slot = frame.width / len(groups)
    every = -(-len(groups) // 8)
    for place, group in enumerate(groups):
        left = frame.left + place * slot
        if place % every == 0:
            drawn.append(frame.tick(group, left + slot / 2))
        drawn.extend(_group(frame, left, slot, [bars[place] for bars in series.values()]))
    return document(caption, frame.height, drawn)


def _group(frame: Frame, left: float, slot: float, bars: Sequence[Bar]) -> list[str]:
    gap = min(6.0, slot * (0.12 if len(bars) == 1 else 0.22))
    width = (slot - gap) / len(bars)
    drawn = []
    for place, bar in enumerate(bars):
        top, bottom = frame.y(max(0.0, bar.value)), frame.y(min(0.0, bar.value))
        drawn.append(
            element(
                "rect",
                hint(f"{bar.name}: {bar.text}"),
                x=left + gap / 2 + place * width,
                y=top,
                width=max(0.5, width - 0.6),
                height=bottom - top,
                class_=f"m c{(bar.series or place) % SERIES}",
            )
        )
    return drawn
