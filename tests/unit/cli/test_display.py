import io
import re
from dataclasses import replace

import pytest
from rich.console import Console, RenderableType

from app.cli.output import clean
from app.cli.runs.display import funnel_table, row_table, run_line, run_progress, run_view
from app.cli.runs.watch import watch_run
from app.cli.service.client import ServiceClient
from app.cli.service.connect import Service, api_url
from app.cli.watch.display import LineDisplay, LiveDisplay, display_for
from app.cli.watch.poll import QueuedHint
from app.schemas.runs import RunView
from tests.unit.cli.answers import run_json
from tests.unit.cli.stand_in import Answer, stand_in


def a_run(**changes: object) -> RunView:
    return RunView.model_validate(run_json(**changes))


def drawn(picture: RenderableType, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(picture)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def with_progress(**changes: object) -> RunView:
    progress = run_json()["progress"]
    assert isinstance(progress, dict)
    return a_run(progress={**progress, **changes})


def test_the_picture_shows_all_that_progress_is() -> None:
    told = drawn(run_progress(a_run()))
    for words in ("3/10", "50%", "2 calls in flight", "100 tokens/s", "1 min 15 s left"):
        assert words in told
    assert re.search(r"generate +5 +2 +7 +1\b", told)


@pytest.mark.parametrize(
    ("left_s", "told"),
    [
        (0.4, "about 0 s left"),
        (59.6, "about 1 min 0 s left"),
        (3600.0, "about 1 h 0 min left"),
        (90_000.0, "about 25 h 0 min left"),
    ],
)
def test_the_time_left_is_told_in_two_units_at_most(left_s: float, told: str) -> None:
    assert told in drawn(run_progress(with_progress(time_left_s=left_s)))


def test_what_is_not_known_yet_is_not_made_up() -> None:
    line = run_line(with_progress(acceptance_rate=None, tokens_per_s=None))
    assert "acceptance rate ?" in line
    assert "? tokens/s" in line


def test_the_funnel_names_each_reason_the_commonest_first() -> None:
    told = drawn(funnel_table(a_run().funnel))
    assert told.index("near_duplicate") < told.index("too_short")
    assert re.search(r"accepted instructions +3\n", told)


def test_a_row_with_commands_for_the_terminal_in_it_is_only_text() -> None:
    row = {"instruction": "[bold]x[/]", "input": "\x1b]0;title\x07", "output": "a\rb\x9bc\nd"}
    told = drawn(row_table(row))
    assert "[bold]x[/]" in told
    assert not set(told) & set("\x1b\x07\r\x9b")


def test_cleaning_leaves_writing_of_every_kind_as_it_is() -> None:
    text = "ü 中文 \u0928\u092e\u0938\u094d\u0924\u0947 \U0001f600\n\ttab"
    assert clean(text) == text


def test_a_terminal_gets_a_picture_and_a_log_gets_lines() -> None:
    assert isinstance(display_for(Console(force_terminal=True)), LiveDisplay)
    assert isinstance(display_for(Console(file=io.StringIO())), LineDisplay)


def test_lines_tell_a_change_of_status_at_once_and_numbers_now_and_then() -> None:
    log = io.StringIO()
    with LineDisplay(Console(file=log, width=200), every_s=3600) as display:
        display.show(run_view(a_run(status="queued")))
        display.show(run_view(a_run()))
        display.show(run_view(a_run()))
        display.show(run_view(with_progress(accepted=4)))
        display.show(run_view(a_run(status="succeeded")))
    states = [line.split()[0].rstrip(":") for line in log.getvalue().splitlines()]
    assert states == ["run", "queued", "running", "succeeded"]


def test_numbers_that_changed_are_told_when_it_is_time_and_same_ones_never() -> None:
    log = io.StringIO()
    with LineDisplay(Console(file=log, width=200), every_s=0) as display:
        for accepted in (3, 3, 4, 4):
            display.show(run_view(with_progress(accepted=accepted)))
    assert len(log.getvalue().splitlines()) == 3


def test_what_is_queued_for_long_is_said_once() -> None:
    hint = QueuedHint("training", after_s=0)
    assert hint.lines("running") == []
    (said,) = hint.lines("queued")
    assert "all workers of the queue `training` are busy, or none runs" in said
    assert hint.lines("queued") == []
    assert QueuedHint("training").lines("queued") == []


def test_news_stand_above_the_state_on_a_terminal_and_in_a_log() -> None:
    view = replace(run_view(a_run()), new_lines=["It [b]said[/]\x1b this."])
    for terminal in (True, False):
        told = io.StringIO()
        console = Console(file=told, width=200, force_terminal=terminal)
        with display_for(console) as display:
            display.show(view)
        assert "It [b]said[/]\N{REPLACEMENT CHARACTER} this." in told.getvalue()


def test_a_service_that_is_away_for_a_moment_is_waited_for() -> None:
    broken = Answer(b"{", content_length=1000)
    ended = run_json(status="succeeded", end_reason="target_met")
    with stand_in() as there:
        there.will("GET /v1/runs/r1", broken, broken, ended)
        with ServiceClient(there.url, through_proxy=False) as client:
            console = Console(file=io.StringIO())
            assert watch_run(Service(client), a_run(), display_for(console)).target_met


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("localhost:8000", "http://localhost:8000"),
        ("http://host/", "http://host"),
        ("https://host/seedbed/v1/", "https://host/seedbed"),
    ],
)
def test_an_address_is_understood_as_people_write_it(given: str, meant: str) -> None:
    assert api_url(given) == meant
