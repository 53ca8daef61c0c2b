"""The sunburst: sectors from the top clockwise, as wide as their counts, names along them."""

import math
import re
from xml.etree import ElementTree as ET

import pytest

from app.reports.drawings.sunburst import Sector, sunburst
from app.reports.drawings.svg import Caption
from tests.unit.reports.drawings.parsed import Drawn, child, hint_of, steps_of

CAPTION = Caption("a-plot", "A plot", "It shows something.")
CENTRE = (260.0, 296.0)
INNER, MIDDLE, OUTER = 62.0, 150.0, 244.0
SECTORS = [
    Sector("write", 9, [("poem", 5), ("song", 3), ("note", 1)]),
    Sector("name", 2, [("tree", 2)]),
    Sector("list", 4, [("herb", 3), ("plant", 1)]),
    Sector("add", 30, [("number", 2)]),
]
WHOLE = 17


def _polar(x: float, y: float) -> tuple[float, float]:
    """Return radius, and angle in turns from the top clockwise."""
    across, up = x - CENTRE[0], CENTRE[1] - y
    return math.hypot(across, up), math.atan2(across, up) / math.tau % 1


def _slices(drawn: Drawn) -> dict[str, tuple[float, float, float, float]]:
    """Return both radii, and where each sector begins and ends in turns, by its hint."""
    found = {}
    for path in drawn.marks("path", "thin"):
        begin, out, outer_arc, into, inner_arc, end = steps_of(path)
        commands = [each.command for each in (begin, out, outer_arc, into, inner_arc, end)]
        assert commands == ["M", "L", "A", "L", "A", "Z"]
        inner, start = _polar(*begin.numbers)
        outer, also_start = _polar(*out.numbers)
        _, stop = _polar(*outer_arc.numbers[5:])
        radius, also_stop = _polar(*into.numbers)
        assert inner_arc.numbers[5:] == begin.numbers
        assert outer_arc.numbers[:2] == pytest.approx((outer, outer), abs=0.02)
        assert inner_arc.numbers[:2] == pytest.approx((inner, inner), abs=0.02)
        assert radius == pytest.approx(inner, abs=0.02)
        assert (also_start, also_stop) == pytest.approx((start, stop), abs=1e-4)
        # The outer edge runs clockwise, the inner one back; the longer way round if over half.
        is_over_half = int((stop - start) % 1 > 0.5)
        assert outer_arc.numbers[2:5] == (0, is_over_half, 1)
        assert inner_arc.numbers[2:5] == (0, is_over_half, 0)
        found[hint_of(path)] = (inner, outer, start, stop)
    return found


def test_sectors_begin_at_the_top_and_are_as_wide_as_their_outer_counts() -> None:
    slices = _slices(Drawn(sunburst(CAPTION, SECTORS)))
    turned = 0
    for sector in SECTORS:
        own = sum(count for _, count in sector.outer)
        found = slices.pop(f"{sector.name}: {sector.count}")
        assert found[:2] == pytest.approx((INNER, MIDDLE), abs=0.02)
        assert found[2] == pytest.approx(turned / WHOLE % 1, abs=1e-4)
        assert found[3] == pytest.approx((turned + own) / WHOLE % 1, abs=1e-4)
        for name, count in sector.outer:
            (said,) = [each for each in slices if each.startswith(f"{sector.name} {name}: {count}")]
            inner, outer, start, stop = slices.pop(said)
            assert (inner, outer) == pytest.approx((MIDDLE, OUTER), abs=0.02)
            assert start == pytest.approx(turned / WHOLE % 1, abs=1e-4)
            turned += count
            assert stop == pytest.approx(turned / WHOLE % 1, abs=1e-4)
    assert slices == {}
    assert turned == WHOLE


def test_sectors_say_their_counts_and_shares() -> None:
    sectors = [Sector("write", 9, [("poem", 4), ("song", 2)]), Sector("name", 2, [("tree", 2)])]
    assert Drawn(sunburst(CAPTION, sectors)).hints() == [
        "write: 9", "write poem: 4 (44.4 % of it)", "write song: 2 (22.2 % of it)",
        "name: 2", "name tree: 2 (100.0 % of it)",
    ]  # fmt: skip


def test_a_single_sector_is_a_whole_ring() -> None:
    drawn = Drawn(sunburst(CAPTION, [Sector("a", 1, [("b", 1)])]))
    for inner, outer, start, stop in _slices(drawn).values():
        assert inner < outer
        assert (stop - start) % 1 == pytest.approx(1, abs=1e-4)


def _written_along(group: ET.Element) -> tuple[str, float, float, float]:
    """Return a name, its middle's radius and turn, and how it is turned, in degrees."""
    moved = re.fullmatch(
        r"translate\(260 296\) rotate\((\S+)\) translate\((\S+) 4\)", group.attrib["transform"]
    )
    assert moved
    degrees, along = float(moved[1]), float(moved[2])
    text = child(group, "text")
    assert (text.attrib["x"], text.attrib["y"], text.attrib["text-anchor"]) == ("0", "0", "middle")
    turned = math.radians(degrees)
    x, y = CENTRE[0] + along * math.cos(turned), CENTRE[1] + along * math.sin(turned)
    return text.text or "", *_polar(x, y), degrees


def test_names_lie_in_the_middle_of_their_sectors_along_the_radius_and_upright() -> None:
    drawn = Drawn(sunburst(CAPTION, SECTORS))
    slices = _slices(drawn)
    names = [_written_along(each) for each in drawn.root.iter() if "transform" in each.attrib]
    assert {name for name, *_ in names} == {
        "write", "poem", "song", "note", "name", "tree", "list", "herb", "plant", "add", "number",
    }  # fmt: skip
    for name, radius, turn, degrees in names:
        (said,) = [each for each in slices if re.search(rf"(^|\s){name}:", each)]
        inner, outer, start, stop = slices[said]
        assert radius == pytest.approx((inner + outer) / 2, abs=0.02)
        assert turn == pytest.approx((start + (stop - start) % 1 / 2) % 1, abs=1e-3)
        # The text runs along the radius (outward or inward), and its head is never below its foot.
        assert (360 * turn - 90 - degrees) % 180 == pytest.approx(0, abs=0.1) or (
            360 * turn - 90 - degrees
        ) % 180 == pytest.approx(180, abs=0.1)
        assert math.cos(math.radians(degrees)) > -0.01


def test_names_are_dark_on_light_outside_and_light_on_dark_inside() -> None:
    drawn = Drawn(sunburst(CAPTION, SECTORS))
    assert [each.text for each in drawn.texts("on-dark")] == ["write", "name", "list", "add"]
    assert len(drawn.texts("on-light")) == 7
    fills = {hint_of(path): path.attrib["fill"] for path in drawn.marks("path", "thin")}
    assert fills["write: 9"] == "hsl(215,42%,42%)"
    assert fills["write poem: 5 (55.6 % of it)"] == "hsl(215,48%,74%)"
    # Each further sector is turned on the colour wheel by the golden angle.
    assert fills["name: 2"] == "hsl(353,42%,42%)"
    assert fills["list: 4"] == "hsl(130,42%,42%)"


def test_narrow_sectors_have_no_name() -> None:
    few = [Sector("wide", 99, [("most", 99)]), Sector("thin", 1, [("least", 1)])]
    texts = {each.text for each in Drawn(sunburst(CAPTION, few)).texts()}
    assert texts == {"A plot", "wide", "most"}
    # Further out there is more width for the same angle.
    more = [Sector("wide", 59, [("most", 59)]), Sector("thin", 1, [("least", 1)])]
    texts = {each.text for each in Drawn(sunburst(CAPTION, more)).texts()}
    assert texts == {"A plot", "wide", "most", "least"}


def test_names_are_cut_to_the_width_of_their_ring() -> None:
    texts = Drawn(sunburst(CAPTION, [Sector("v" * 30, 3, [("n" * 30, 3)])])).texts()
    assert [each.text for each in texts[1:]] == ["v" * 11 + "…", "n" * 14 + "…"]


def test_the_rings_fit_into_the_drawing() -> None:
    drawn = Drawn(sunburst(CAPTION, SECTORS))
    assert (drawn.width, drawn.height) == (520, CENTRE[1] + OUTER + 14)
    assert CENTRE[0] - OUTER >= 16
    assert CENTRE[1] - OUTER > 40
