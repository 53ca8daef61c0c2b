"""Progress on a terminal and in a log."""

import io

import pytest
from rich.console import Console
from rich.text import Text

from app.cli.watch.display import LineDisplay, LiveDisplay, View, display_for


def view(line: str, state: object = "running", new_lines: tuple[str, ...] = ()) -> View:
    return View("run r1", line, state, Text(f"picture of {line}"), new_lines)


def logged(*views: tuple[float, View], every_s: float = 5.0) -> list[str]:
    """Lines of a log, when the views are shown at these times in seconds."""
    log = io.StringIO()
    times = iter([at for at, _ in views])
    with LineDisplay(Console(file=log, width=200), every_s, lambda: next(times)) as display:
        for _, each in views:
            display.show(each)
    return log.getvalue().splitlines()


def test_a_terminal_gets_a_picture_and_a_log_gets_lines() -> None:
    assert isinstance(display_for(Console(force_terminal=True)), LiveDisplay)
    assert isinstance(display_for(Console(file=io.StringIO())), LineDisplay)


def test_a_log_begins_with_the_headline_once() -> None:
    assert logged((0, view("1/9")), (9, view("2/9"))) == ["run r1", "1/9", "2/9"]


def test_a_change_of_state_is_shown_at_once() -> None:
    lines = logged((0, view("1/9")), (0.1, view("2/9", "succeeded")), (0.2, view("3/9", "x")))
    assert lines == ["run r1", "1/9", "2/9", "3/9"]


def test_numbers_are_shown_every_few_seconds() -> None:
    views = ((0, view("1")), (4.9, view("2")), (5, view("3")), (9.9, view("4")), (10, view("5")))
    assert logged(*views) == ["run r1", "1", "3", "5"]


def test_a_line_is_not_repeated() -> None:
    views = ((0, view("1")), (9, view("1")), (18, view("1", "paused")), (27, view("2", "paused")))
    assert logged(*views) == ["run r1", "1", "2"]


def test_new_lines_are_shown_at_once_before_the_state() -> None:
    views = ((0, view("1")), (0.1, view("1", new_lines=("loaded", "started"))))
    assert logged(*views) == ["run r1", "1", "loaded", "started"]


@pytest.mark.parametrize("terminal", [True, False])
def test_new_lines_cannot_control_the_terminal(terminal: bool) -> None:
    shown = io.StringIO()
    with display_for(Console(file=shown, width=200, force_terminal=terminal)) as display:
        display.show(view("1/9", new_lines=("It [b]said[/]\x1b this.",)))
    assert "It [b]said[/]\N{REPLACEMENT CHARACTER} this." in shown.getvalue()


def test_a_terminal_shows_the_details_below_new_lines() -> None:
    shown = io.StringIO()
    with LiveDisplay(Console(file=shown, width=80, force_terminal=True)) as display:
        display.show(view("1/9", new_lines=("loaded",)))
        display.show(view("2/9"))
    text = shown.getvalue()
    assert text.index("loaded") < text.index("picture of 1/9") < text.index("picture of 2/9")
