"""Refusals in a row at one of several endpoints."""

from app.services.model_calls.endpoint_streaks import EndpointStreaks
from app.services.model_calls.streaks import LIMIT


def test_an_endpoint_that_refuses_what_another_answers_is_useless() -> None:
    streaks = EndpointStreaks()
    assert not streaks.refused("bad", "a", "crashed")
    streaks.answered("fine", "a")
    assert [streaks.refused("bad", "a", "crashed") for _ in range(3)] == [False, True, True]
    assert streaks.useless == {}
    for _ in range(LIMIT - 4):
        streaks.refused("bad", "a", "crashed")
    assert list(streaks.useless) == ["bad"]
    assert "10 calls in a row" in streaks.useless["bad"]
    assert "crashed" in streaks.useless["bad"]


def test_what_all_endpoints_refuse_is_about_the_calls() -> None:
    streaks = EndpointStreaks()
    for name in ("one", "other"):
        assert not any(streaks.refused(name, "a", "too long") for _ in range(2 * LIMIT))
    # Another kind of call says nothing about this one.
    streaks.answered("other", "b")
    assert streaks.useless == {}


def test_an_answer_of_its_own_ends_the_row() -> None:
    streaks = EndpointStreaks()
    for _ in range(2 * LIMIT):
        streaks.refused("one", "a", "no")
        streaks.answered("other", "a")
        streaks.answered("one", "a")
    assert streaks.useless == {}
