"""Display of progress: redrawn in place on a terminal, lines in a log."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from app.cli.output import clean

LINE_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class View:
    """The state of a run or job at one moment, ready to display."""

    headline: str
    """Names the run or job."""
    line: str
    """Progress in one line, for a log."""
    state: object
    """A log shows a change of this at once, and other changes every few seconds."""
    details: RenderableType
    """Progress with a bar, for a terminal."""
    new_lines: Sequence[str] = ()
    """Log lines and hints since the last view."""


class Display(Protocol):
    """Shows progress."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
    def show(self, view: View) -> None:
        """Show the current state."""


class LiveDisplay:
    """Progress redrawn in place, for a terminal."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def show(self, view: View) -> None:
        """Redraw the state, below the new lines."""
        _print(self._live.console, view.new_lines)
        self._live.update(view.details, refresh=True)


class LineDisplay:
    """One line every few seconds when something changed, for a log."""

    def __init__(
        self,
        console: Console,
        every_s: float = LINE_EVERY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._every_s = every_s
        self._clock = clock
        self._last_line = ""
        self._last_state: object = None
        self._last_at = float("-inf")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def show(self, view: View) -> None:
        """Print new lines; print the progress when the state changed, or numbers after a while."""
        if self._last_state is None:
            _print(self._console, [view.headline])
        _print(self._console, view.new_lines)
        now = self._clock()
        if view.line == self._last_line:
            return
        if view.state != self._last_state or now - self._last_at >= self._every_s:
            _print(self._console, [view.line])
            self._last_line, self._last_state, self._last_at = view.line, view.state, now


def _print(console: Console, lines: Sequence[str]) -> None:
    for line in lines:
        console.print(Text(clean(line)), soft_wrap=True)


def display_for(console: Console) -> Display:
    """Return the display that suits the console: a terminal or a log."""
    return LiveDisplay(console) if console.is_terminal else LineDisplay(console)
