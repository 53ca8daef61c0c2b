"""Runs and their rows on a terminal."""

import re

import pytest

from app.cli.runs.display import funnel_table, row_table, run_line, run_progress, run_view
from app.states import WaitKind
from tests.unit.cli.drawing import a_run, drawn, with_progress


def test_the_picture_shows_all_that_progress_is() -> None:
    reported = drawn(run_progress(a_run()))
    for words in ("3/10", "50%", "2 calls in flight", "100 tokens/s", "1 min 15 s left"):
        assert words in reported
    assert re.search(r"generate +5 +2 +7 +1\b", reported)


@pytest.mark.parametrize(
    ("left_s", "reported"),
    [
        (0.4, "about 0 s left"),
        (59.6, "about 1 min 0 s left"),
        (3600.0, "about 1 h 0 min left"),
        (90_000.0, "about 25 h 0 min left"),
    ],
)
def test_the_time_left_is_reported_in_two_units_at_most(left_s: float, reported: str) -> None:
    assert reported in drawn(run_progress(with_progress(time_left_s=left_s)))


def test_what_is_not_known_yet_is_not_made_up() -> None:
    line = run_line(with_progress(acceptance_rate=None, tokens_per_s=None))
    assert "acceptance rate ?" in line
    assert "? tokens/s" in line


def test_a_wait_for_the_endpoint_is_shown_in_the_line_and_in_the_picture() -> None:
    since = "2026-01-02T03:04:05Z"
    wait = {"kind": "throttle", "since": since, "message": "Too many \x1b[31mrequests."}
    run = a_run(waiting=wait)
    for reported in (run_line(run), drawn(run_progress(run))):
        words = " ".join(reported.split())
        assert "which throttles since 03:04:05 UTC: Too many \ufffd[31mrequests." in words
    assert run_view(run).state != run_view(a_run()).state
    assert "waiting for" not in run_line(a_run())


@pytest.mark.parametrize("kind", list(WaitKind))
def test_each_kind_of_wait_has_words(kind: WaitKind) -> None:
    wait = {"kind": kind, "since": "2026-01-02T03:04:05Z", "message": "m"}
    assert "waiting for" in run_line(a_run(waiting=wait))


def test_endpoints_that_are_set_aside_are_shown() -> None:
    run = a_run(set_aside=[{"endpoint": "one", "message": "Insufficient \x1b[31mBalance."}])
    for shown in (run_line(run), drawn(run_progress(run))):
        words = " ".join(shown.split())
        assert "endpoint one is set aside: Insufficient \ufffd[31mBalance." in words
    assert run_view(run).state != run_view(a_run()).state


def test_the_funnel_names_each_reason_the_commonest_first() -> None:
    reported = drawn(funnel_table(a_run().funnel))
    assert reported.index("near_duplicate") < reported.index("too_short")
    assert re.search(r"accepted instructions +3\n", reported)


def test_a_row_with_commands_for_the_terminal_in_it_is_only_text() -> None:
    row = {"instruction": "[bold]x[/]", "input": "\x1b]0;title\x07", "output": "a\rb\x9bc\nd"}
    reported = drawn(row_table(row))
    assert "[bold]x[/]" in reported
    assert not set(reported) & set("\x1b\x07\r\x9b")
