"""Drawings read back: marks, texts and paths with their numbers, as a viewer would place them."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

SVG = "{http://www.w3.org/2000/svg}"
_STEP = re.compile(r"([MLHhvAZ])([^MLHhvAZ]*)")

Point = tuple[float, float]


@dataclass(frozen=True)
class Text:
    """A text with the point where it is anchored."""

    text: str
    x: float
    y: float
    anchor: str
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """One command of a path, with its numbers."""

    command: str
    numbers: tuple[float, ...]


@dataclass(frozen=True)
class Scale:
    """A linear axis: values and where they are, in pixels."""

    values: tuple[float, ...]
    places: tuple[float, ...]

    def at(self, value: float) -> float:
        """Return where a value lies by the first and last number written on the axis."""
        part = (value - self.values[0]) / (self.values[-1] - self.values[0])
        return self.places[0] + part * (self.places[-1] - self.places[0])

    @property
    def is_linear(self) -> bool:
        """True when each number written on the axis is where the two ends put it."""
        pairs = zip(self.values, self.places, strict=True)
        return all(math.isclose(self.at(value), place, abs_tol=0.02) for value, place in pairs)


class Drawn:
    """A drawing that was read back."""

    def __init__(self, svg: str) -> None:
        self.root = ET.fromstring(svg)  # noqa: S314 - what is parsed was made here
        left, top, self.width, self.height = map(float, self.root.attrib["viewBox"].split())
        assert (left, top) == (0, 0)

    def marks(self, tag: str, class_: str) -> list[ET.Element]:
        """Return the elements of a tag that have this class, in the order drawn."""
        found = self.root.iter(f"{SVG}{tag}")
        return [each for each in found if class_ in each.attrib.get("class", "").split()]

    def texts(self, class_: str | None = None) -> list[Text]:
        """Return the texts, or those of one class, in the order drawn."""
        found = [text_of(each) for each in self.root.iter(f"{SVG}text")]
        return [each for each in found if class_ is None or class_ in each.classes]

    def hints(self) -> list[str]:
        """Return what marks say when pointed at, without the drawing's own title."""
        return [each.text or "" for each in self.root.iter(f"{SVG}title")][1:]

    def legend(self) -> dict[str, str]:
        """Return the colour class of each name in the legend, at the squares left of the names."""
        squares = [
            each for each in self.root.iter(f"{SVG}rect")
            if (each.attrib.get("width"), each.attrib.get("height")) == ("10", "10")
        ]  # fmt: skip
        found = {}
        for square in squares:
            x, y = number_of(square, "x") + 15, number_of(square, "y") + 10
            (name,) = [t.text for t in self.texts("soft") if (t.x, t.y) == (round(x, 2), y)]
            found[name] = square.attrib["class"]
        return found

    def upright_axis(self) -> Scale:
        """Return the vertical axis, from the numbers beside the grid's lines."""
        values, places = [], []
        for line in self.marks("path", "grid"):
            start, across = steps_of(line)
            assert (start.command, across.command) == ("M", "h")
            left, y = start.numbers
            (written,) = [
                each.text for each in self.texts("soft")
                if each.anchor == "end" and each.x == left - 6 and abs(each.y - y - 4) < 0.011
            ]  # fmt: skip
            values.append(read_number(written))
            places.append(y)
        return Scale(tuple(values), tuple(places))

    def level_axis(self) -> Scale:
        """Return the horizontal axis, from the numbers below it."""
        below = self.below_the_axis()
        return Scale(tuple(read_number(t.text) for t in below), tuple(t.x for t in below))

    def below_the_axis(self) -> list[Text]:
        """Return the texts right below the horizontal axis, from left to right."""
        bottom = max(self.upright_axis().places)
        return [each for each in self.texts("soft") if abs(each.y - bottom - 17) < 0.011]

    def grid_reach(self) -> tuple[float, float]:
        """Return where the grid begins and ends, from left to right."""
        start, across = steps_of(self.marks("path", "grid")[0])
        return start.numbers[0], start.numbers[0] + across.numbers[0]


def text_of(element: ET.Element) -> Text:
    return Text(
        element.text or "",
        number_of(element, "x"),
        number_of(element, "y"),
        element.attrib.get("text-anchor", "start"),
        tuple(element.attrib.get("class", "").split()),
    )


def number_of(element: ET.Element, name: str) -> float:
    return float(element.attrib[name])


def child(element: ET.Element, tag: str) -> ET.Element:
    """Return the one child of this tag."""
    (found,) = element.findall(f"{SVG}{tag}")
    return found


def hint_of(element: ET.Element) -> str:
    """Return what a mark says when it is pointed at."""
    return child(element, "title").text or ""


def steps_of(path: ET.Element) -> list[Step]:
    written = path.attrib["d"]
    found = _STEP.findall(written)
    assert "".join(command + numbers for command, numbers in found) == written
    return [
        Step(command, tuple(float(each) for each in re.split(r"[ ,]+", numbers) if each))
        for command, numbers in found
    ]


def corners_of(steps: Sequence[Step]) -> list[Point]:
    """Return the points of a path that is one unbroken stroke of straight lines."""
    assert [step.command for step in steps] == ["M"] + ["L"] * (len(steps) - 1)
    return [(step.numbers[0], step.numbers[1]) for step in steps]


def read_number(written: str) -> float:
    """Read a number of an axis: 1.5M is 1,500,000."""
    factor = {"G": 1e9, "M": 1e6, "k": 1e3}.get(written[-1], 1.0)
    return float(written.rstrip("GMk")) * factor
