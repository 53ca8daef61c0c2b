"""Perplexity from given log probabilities."""

import math

import pytest

from app.evaluation.intervals import Bootstrap
from app.evaluation.perplexity import perplexity
from app.evaluation.values import Answer


def told(*values: float) -> Answer:
    return Answer("1", None, log_probabilities=values)


def test_it_is_e_to_the_mean_loss_with_every_token_alike() -> None:
    found = perplexity([told(math.log(0.5)), told(math.log(0.25), math.log(0.25))], Bootstrap())
    assert found is not None
    assert found.perplexity.value == pytest.approx((2 * 4 * 4) ** (1 / 3))
    assert found.loss.value == pytest.approx(math.log(found.perplexity.value))
    assert (found.tasks, found.tokens) == (2, 3)


def test_its_interval_is_the_losses_transformed() -> None:
    answers = [told(*[-0.1 * place] * (place + 1)) for place in range(1, 20)]
    found = perplexity(answers, Bootstrap())
    assert found is not None
    assert found.loss.low is not None
    assert found.perplexity.low is not None
    assert found.perplexity.low == pytest.approx(math.exp(found.loss.low))
    assert found.perplexity.low < found.perplexity.value


def test_a_sure_model_has_one() -> None:
    found = perplexity([told(0.0, 0.0), told(0.0)], Bootstrap())
    assert found is not None
    assert found.perplexity.value == 1


def test_a_token_without_probability_is_counted_and_makes_nothing_infinite() -> None:
    found = perplexity([told(-1.0, -math.inf), told(math.nan), told(-2.0)], Bootstrap())
    assert found is not None
    assert (found.impossible_tokens, found.tasks) == (2, 1)
    assert found.loss.value == 2


def test_nothing_measured_is_nothing_said() -> None:
    assert perplexity([Answer("1", "text"), told()], Bootstrap()) is None


def test_a_hopeless_loss_is_still_a_number() -> None:
    found = perplexity([told(-5000.0), told(-6000.0)], Bootstrap())
    assert found is not None
    assert math.isfinite(found.perplexity.value)
