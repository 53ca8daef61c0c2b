"""Retries while the service can't be reached."""

import time
from collections.abc import Callable, Iterator

import pytest

from app.cli.service.retry import Outage, retry
from app.errors import ServiceUnreachable

AWAY = ServiceUnreachable("away")


def nothing() -> None:
    pass


def answering(*answers: str | Exception) -> Callable[[], str]:
    left: Iterator[str | Exception] = iter(answers)

    def ask() -> str:
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ask


def test_a_request_is_repeated_until_the_service_answers() -> None:
    assert retry(answering(AWAY, AWAY, "here"), nothing, Outage(retry_s=0)) == "here"


def test_what_explains_more_is_raised_instead() -> None:
    def explain() -> None:
        raise RuntimeError("the broker died")

    with pytest.raises(RuntimeError, match="the broker died"):
        retry(answering(AWAY, "here"), explain, Outage(retry_s=0))


def test_other_failures_are_not_retried() -> None:
    with pytest.raises(ValueError, match="no"):
        retry(answering(ValueError("no"), "here"), nothing, Outage(retry_s=0))


def test_after_too_long_the_failure_is_raised() -> None:
    with pytest.raises(ServiceUnreachable, match="away"):
        retry(answering(*[AWAY] * 9), nothing, Outage(patience_s=-1, retry_s=0))


def test_a_service_that_never_answered_is_not_waited_for() -> None:
    with pytest.raises(ServiceUnreachable):
        Outage().wait(AWAY)


def test_an_answer_ends_an_outage() -> None:
    outage = Outage(patience_s=60, retry_s=0)
    outage.answered()
    outage.wait(AWAY)
    outage.wait(AWAY)


def test_there_is_a_pause_before_the_next_try() -> None:
    outage = Outage(retry_s=0.05)
    outage.answered()
    began = time.monotonic()
    outage.wait(AWAY)
    assert time.monotonic() - began >= 0.05
