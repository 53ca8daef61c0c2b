"""Following a run, or a job, until it ends or waits for a person."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Protocol, Self, TypeVar

from rich.console import Console
from rich.live import Live
from rich.text import Text

from app.cli.output import clean
from app.cli.runs.display import View, run_view
from app.cli.service.answers import Run
from app.cli.service.connect import Service
from app.cli.service.connection import ServiceAway

_FIRST_POLL_S = 0.05
_POLL_S = 0.5
_PATIENCE_S = 20.0
"""How long a service of somebody else may not answer, such as while it is restarted."""
_LINE_EVERY_S = 5.0
_QUEUED_LONG_S = 20.0


class Display(Protocol):
    """Shows how something goes on."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
    def show(self, view: View) -> None:
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

    def show(self, view: View) -> None:
        """Draw its state, below what it said."""
        _say(self._live.console, view.news)
        self._live.update(view.picture, refresh=True)


class LineDisplay:
    """A line every few seconds when something changed, for a log."""

    def __init__(self, console: Console, every_s: float = _LINE_EVERY_S) -> None:
        self._console = console
        self._every_s = every_s
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
        """Write a line if there is news: of its state at once, of numbers when it is time."""
        if self._last_state is None:
            _say(self._console, [view.headline])
        _say(self._console, view.news)
        now = time.monotonic()
        if view.line == self._last_line:
            return
        if view.state != self._last_state or now - self._last_at >= self._every_s:
            _say(self._console, [view.line])
            self._last_line, self._last_state, self._last_at = view.line, view.state, now


def _say(console: Console, lines: Sequence[str]) -> None:
    for line in lines:
        console.print(Text(clean(line)), soft_wrap=True)


def display_for(console: Console) -> Display:
    """The display that suits where progress goes."""
    return LiveDisplay(console) if console.is_terminal else LineDisplay(console)


class Followed(Protocol):
    """What can be followed: a run, a job."""

    @property
    def at_rest(self) -> bool:
        """Whether nothing more happens to it by itself."""


_Thing = TypeVar("_Thing", bound=Followed)


def states(service: Service, thing: _Thing, look: Callable[[], _Thing]) -> Iterator[_Thing]:
    """How something is, over and over, until it rests.

    Raises:
        StackError: a part of the stack that this process started died.
        ServiceAway: the service stopped answering, and did not come back.
    """
    pause_s = _FIRST_POLL_S
    yield thing
    while not thing.at_rest:
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _POLL_S)
        service.check()
        thing = _patiently(service, look)
        yield thing


class QueuedHint:
    """Says once, of what has been queued for long, what that may be due to."""

    def __init__(self, queue: str, after_s: float = _QUEUED_LONG_S) -> None:
        self._queue = queue
        self._say_at = time.monotonic() + after_s

    def news(self, status: str) -> list[str]:
        """What is to be said now."""
        if status != "queued" or time.monotonic() < self._say_at:
            return []
        self._say_at = float("inf")
        said = (
            f"It is still queued: the workers of the queue `{self._queue}` are busy, or there is "
            "none. The one of `seedbed up` does one thing at a time; `seedbed jobs list` shows "
            "what it may be tuning."
        )
        return [said]


def follow(service: Service, run: Run, display: Display) -> Run:
    """Show `run` until it has ended or is paused; returns it as it is then.

    Raises:
        StackError, ServiceAway: as `states` does.
    """
    now, hint = run, QueuedHint("generation")
    try:
        with display:
            for now in states(service, run, lambda: service.client.run(run.id)):
                display.show(replace(run_view(now), news=hint.news(now.status)))
    except ServiceAway as away:
        raise ServiceAway(
            f"{away} What was made is kept: give the same command again to go on."
        ) from away
    return now


def _patiently(service: Service, look: Callable[[], _Thing]) -> _Thing:
    give_up_at = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return look()
        except ServiceAway:
            # Of the two messages, that a part died is the one that helps.
            service.check()
            if time.monotonic() > give_up_at:
                raise
        time.sleep(_POLL_S)
