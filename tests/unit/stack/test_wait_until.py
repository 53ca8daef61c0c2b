"""Waiting: as often as needed, and never without a last look."""

import time

import pytest

from app.stack.wait_until import wait_until


def test_it_asks_until_the_answer_is_yes() -> None:
    answers = iter([False, False, True])

    assert wait_until(lambda: next(answers), timeout_s=3600, poll_s=0)
    assert list(answers) == []


@pytest.mark.parametrize("poll_s", [0.001, 3600])
def test_it_gives_up_after_the_time_with_a_last_question(poll_s: float) -> None:
    asked_at: list[float] = []

    def never() -> bool:
        asked_at.append(time.monotonic())
        return False

    started_at = time.monotonic()
    assert not wait_until(never, timeout_s=0.02, poll_s=poll_s)
    assert len(asked_at) >= 2
    assert asked_at[-1] >= started_at + 0.02


def test_without_time_it_asks_once() -> None:
    answers = iter([False, True])

    assert not wait_until(lambda: next(answers), timeout_s=0, poll_s=3600)
    assert list(answers) == [True]


def test_what_the_question_raises_ends_the_waiting() -> None:
    def fails() -> bool:
        raise ValueError("gone")

    with pytest.raises(ValueError, match="gone"):
        wait_until(fails, timeout_s=3600, poll_s=0)
