"""Following a run until it ends or waits for a person."""

import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from app.cli.answers import Run
from app.cli.connect import Service
from app.cli.connection import ServiceAway
from app.cli.picture import run_headline, run_line, run_picture

_FIRST_POLL_S = 0.05
_POLL_S = 0.5
_PATIENCE_S = 20.0
"""How long a service of somebody else may not answer, such as while it is restarted."""
_LINE_EVERY_S = 5.0


class Display(Protocol):
    """Shows a run as it goes on."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
    def show(self, run: Run) -> None:
        """Show its state now."""


class LiveDisplay:
    """A picture that is drawn over and over in the same place, for a terminal."""

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

    def show(self, run: Run) -> None:
        """Draw its state."""
        self._live.update(run_picture(run), refresh=True)


class LineDisplay:
    """A line every few seconds when something changed, for a log."""

    def __init__(self, console: Console, every_s: float = _LINE_EVERY_S) -> None:
        self._console = console
        self._every_s = every_s
        self._last_line = ""
        self._last_state: tuple[str, str | None] | None = None
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

    def show(self, run: Run) -> None:
        """Write a line if there is news: of status or stage at once, of numbers when it is time."""
        if self._last_state is None:
            self._console.print(Text(run_headline(run)), soft_wrap=True)
        line, state, now = run_line(run), (run.status, run.stage), time.monotonic()
        if line == self._last_line:
            return
        if state != self._last_state or now - self._last_at >= self._every_s:
            self._console.print(Text(line), soft_wrap=True)
            self._last_line, self._last_state, self._last_at = line, state, now


def display_for(console: Console) -> Display:
    """The display that suits where progress goes."""
    return LiveDisplay(console) if console.is_terminal else LineDisplay(console)


def follow(service: Service, run: Run, display: Display) -> Run:
    """Show `run` until it has ended or is paused; returns it as it is then.

    Raises:
        StackError: a part of the stack that this process started died.
        ServiceAway: the service stopped answering, and did not come back.
    """
    pause_s = _FIRST_POLL_S
    with display:
        display.show(run)
        while not run.ended and run.status != "paused":
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _POLL_S)
            service.check()
            run = _patiently(service, run.id)
            display.show(run)
    return run


def _patiently(service: Service, run_id: str) -> Run:
    give_up_at = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return service.client.run(run_id)
        except ServiceAway as away:
            # Of the two messages, that a part died is the one that helps.
            service.check()
            if time.monotonic() > give_up_at:
                raise ServiceAway(
                    f"{away} What was made is kept: give the same command again to go on."
                ) from away
        time.sleep(_POLL_S)
