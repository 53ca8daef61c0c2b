"""SVG elements of all plots. A plot is a complete file that can also be part of a page.

It has no fonts, scripts or addresses, follows the reader's light or dark mode, and has a title and
a description for screen readers. Each mark has a hint, its own ``title``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from app.reports.wording import one_line, shown

WIDTH = 480
SERIES = 8
"""Number of colours for series; they repeat after that."""

_LIGHT = {
    "paper": "#ffffff", "ink": "#1d2530", "soft": "#5a6675", "line": "#dfe4ec",
    "c0": "#3b6fd4", "c1": "#d67a1f", "c2": "#2a9467", "c3": "#ad4496",
    "c4": "#b08a0a", "c5": "#2b93a8", "c6": "#cb4d47", "c7": "#7263d2",
}  # fmt: skip
_DARK = {
    "paper": "#171c24", "ink": "#e7ebf1", "soft": "#9da9b9", "line": "#313a48",
    "c0": "#7ba4f5", "c1": "#f0a560", "c2": "#5fcb9b", "c3": "#d985c7",
    "c4": "#dfc04b", "c5": "#69c8d8", "c6": "#f0867f", "c7": "#aa9df3",
}  # fmt: skip
_MOST_HINT = 240


@dataclass(frozen=True, slots=True)
class Caption:
    """Name, title and description of a plot."""

    name: str
    """Lower-case words with hyphens: the stem of its file name, unique on a page."""
    title: str
    description: str
    """Its content in one or two sentences, with the key figures."""


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--{name}:{colour};" for name, colour in colours.items())


_STYLE = (
    f".sbp{{{_variables(_LIGHT)}"
    'font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",Arial,sans-serif;'
    "font-size:14px}"
    f"@media (prefers-color-scheme:dark){{.sbp{{{_variables(_DARK)}}}}}"
    ".sbp .back{fill:var(--paper)}"
    ".sbp text{fill:var(--ink);unicode-bidi:isolate}"
    ".sbp .soft{fill:var(--soft);font-size:13px}"
    ".sbp .name{font-size:16px;font-weight:600}"
    ".sbp .grid{stroke:var(--line);stroke-width:1;fill:none}"
    ".sbp .track{fill:var(--line)}"
    ".sbp .thin{stroke:var(--paper);stroke-width:1.2}"
    ".sbp .on-dark{fill:#fff;font-size:12px;font-weight:600}"
    ".sbp .on-light{fill:#10151c;font-size:11px}"
    ".sbp .m:hover{opacity:.72}"
    + "".join(
        f".sbp .c{i}{{fill:var(--c{i})}}"
        f".sbp .l{i}{{stroke:var(--c{i});fill:none;stroke-width:2.2;stroke-linejoin:round}}"
        f".sbp .a{i}{{fill:var(--c{i});fill-opacity:.13}}"
        for i in range(SERIES)
    )
)


def document(caption: Caption, height: float, body: Iterable[str], width: float = WIDTH) -> str:
    """Return a complete SVG of elements, with the title on top; elements begin at y = 40."""
    ids = f"{caption.name}-t {caption.name}-d"
    return "".join(
        [
            '<svg xmlns="http://www.w3.org/2000/svg" class="sbp" role="img" ',
            f'viewBox="0 0 {coordinate(width)} {coordinate(height)}" aria-labelledby="{ids}">',
            element("title", escaped(caption.title), id=f"{caption.name}-t"),
            element("desc", escaped(caption.description), id=f"{caption.name}-d"),
            element("style", _STYLE),
            element("rect", width="100%", height="100%", rx=8, class_="back"),
            label(caption.title, 16, 26, class_="name"),
            *body,
            "</svg>\n",
        ]
    )


def element(tag: str, inner: str = "", **attributes: str | float) -> str:
    """Return an element; `inner` is markup; `class_` becomes class, `text_anchor` text-anchor."""
    written = "".join(
        f" {name.rstrip('_').replace('_', '-')}={quoteattr(_value(value))}"
        for name, value in attributes.items()
    )
    return f"<{tag}{written}>{inner}</{tag}>" if inner else f"<{tag}{written}/>"


def label(text: str, x: float, y: float, *, most: int = 60, **attributes: str | float) -> str:
    """Return a text element of one line, escaped and cut to `most` columns."""
    return element("text", escape(one_line(text, most)), x=x, y=y, **attributes)


def hint(text: str) -> str:
    """Return the hint of a mark, shown on hover; it belongs inside the mark."""
    return element("title", escape(one_line(text, _MOST_HINT)))


def escaped(text: str) -> str:
    """Return a text of any origin escaped as markup."""
    return escape(shown(text))


def coordinate(value: float) -> str:
    """Format a coordinate, the same on every machine."""
    written = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if written == "-0" else written


def _value(value: str | float) -> str:
    return value if isinstance(value, str) else coordinate(value)


def nothing_to_show(caption: Caption) -> str:
    """Return a plot without values."""
    return document(caption, 90, [label("No data.", 16, 62, class_="soft")])
