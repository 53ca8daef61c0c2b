"""Perplexity from given log probabilities."""

import math

import pytest

from app.evaluation.answers import Answer
from app.evaluation.intervals import Bootstrap
from app.evaluation.perplexity import perplexity


def answer_of(*values: float) -> Answer:
    return Answer("1", None, log_probabilities=values)


def test_it_is_e_to_the_mean_loss_with_every_token_alike() -> None:
    found = perplexity(
        [answer_of(math.log(0.5)), answer_of(math.log(0.25), math.log(0.25))], Bootstrap()
    )
    assert found is not None
    assert found.perplexity.value == pytest.approx((2 * 4 * 4) ** (1 / 3))
    assert found.loss.value == pytest.approx(math.log(found.perplexity.value))
    assert (found.tasks, found.tokens) == (2, 3)


def test_its_interval_is_the_losses_transformed() -> None:
    answers = [answer_of(*[-0.1 * place] * (place + 1)) for place in range(1, 20)]
    found = perplexity(answers, Bootstrap())
    assert found is not None
    assert found.loss.low is not None
    assert found.perplexity.low is not None
    assert found.perplexity.low == pytest.approx(math.exp(found.loss.low))
    assert found.perplexity.low < found.perplexity.value


def test_a_sure_model_has_one() -> None:
    found = perplexity([answer_of(0.0, 0.0), answer_of(0.0)], Bootstrap())
    assert found is not None
    assert found.perplexity.value == 1


def test_a_token_without_probability_is_counted_and_makes_nothing_infinite() -> None:
    found = perplexity(
        [answer_of(-1.0, -math.inf), answer_of(math.nan), answer_of(-2.0)], Bootstrap()
    )
    assert found is not None
    assert (found.impossible_tokens, found.tasks) == (2, 1)
    assert found.loss.value == 2


def test_bits_for_a_byte_are_over_the_texts_and_not_over_the_tokens() -> None:
    def spelled(pieces: int, size: int | None) -> Answer:
        """Return an answer of six bits in all, in this many tokens."""
        answer_of = (6 * math.log(0.5) / pieces,) * pieces
        return Answer("1", None, log_probabilities=answer_of, reference_bytes=size)

    coarse = perplexity([spelled(1, 3), spelled(1, 9)], Bootstrap())
    fine = perplexity([spelled(4, 3), spelled(2, 9)], Bootstrap())
    assert coarse is not None
    assert fine is not None
    assert coarse.loss.value != fine.loss.value
    assert coarse.bits_per_byte is not None
    assert fine.bits_per_byte is not None
    assert coarse.bits_per_byte.value == pytest.approx(12 / 12)
    assert fine.bits_per_byte.value == pytest.approx(12 / 12)
    # Of a reference that was cut nobody knows what its tokens write.
    half = perplexity([spelled(1, 3), spelled(1, None)], Bootstrap())
    assert half is not None
    assert half.bits_per_byte is not None
    assert half.bits_per_byte.value == pytest.approx(2)
    unknown = perplexity([spelled(1, None)], Bootstrap())
    assert unknown is not None
    assert unknown.bits_per_byte is None


def test_nothing_measured_is_nothing_said() -> None:
    assert perplexity([Answer("1", "text"), answer_of()], Bootstrap()) is None


def test_a_hopeless_loss_is_still_a_number() -> None:
    found = perplexity([answer_of(-5000.0), answer_of(-6000.0)], Bootstrap())
    assert found is not None
    assert math.isfinite(found.perplexity.value)
