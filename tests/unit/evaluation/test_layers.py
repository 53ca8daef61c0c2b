"""The part of each layer: its sign, and which layer is named."""

import pytest

from app.evaluation.answers import Answer, Contender
from app.evaluation.evaluation_result import LayerEffect
from app.evaluation.intervals import Bootstrap
from app.evaluation.layers import largest, layer_effect
from app.evaluation.metrics import Estimate
from tests.unit.evaluation.making import answering, template_tasks

BOOTSTRAP = Bootstrap(resamples=300)
TASKS = template_tasks(40)
NOTHING = Contender("m", ())


def losing(loss: float) -> Contender:
    return Contender("m", tuple(Answer(str(n), None, (-loss,)) for n in range(3)))


def effect(layer: str, gained: Estimate | None, forgotten: Estimate | None = None) -> LayerEffect:
    return LayerEffect(layer=layer, gained=gained, forgotten=forgotten)


def test_what_rises_without_the_layer_was_gained_and_what_falls_was_forgotten() -> None:
    found = layer_effect("3", (losing(1.0), losing(2.5)), (losing(1.25), losing(2.0)), BOOTSTRAP)
    assert found.layer == "3"
    assert found.gained is not None
    assert found.gained.value == pytest.approx(0.25)
    assert found.forgotten is not None
    assert found.forgotten.value == pytest.approx(0.5)


def test_without_general_rows_nothing_is_said_of_forgetting() -> None:
    found = layer_effect("3", (losing(1.0), NOTHING), (losing(1.25), NOTHING), BOOTSTRAP)
    assert found.gained is not None
    assert found.forgotten is None


def test_an_effect_has_an_interval_over_the_tasks() -> None:
    tuned, without = answering("m", TASKS, 5, loss=0.5), answering("m", TASKS, 5, loss=1.0, seed=4)
    gained = layer_effect("0", (tuned, NOTHING), (without, NOTHING), BOOTSTRAP).gained
    assert gained is not None
    assert gained.low is not None
    assert gained.high is not None
    assert 0 < gained.low < gained.value < gained.high


def test_the_largest_effect_above_chance_is_named() -> None:
    sure, more = Estimate(value=0.2, low=0.1, high=0.3), Estimate(value=0.3, low=0.01, high=0.6)
    perhaps, lone = Estimate(value=0.9, low=0.0, high=1.8), Estimate(value=0.9)
    effects = [effect("0", sure, more), effect("1", more, sure), effect("2", perhaps, lone)]
    assert largest(effects, "gained") is effects[1]
    assert largest(effects, "forgotten") is effects[0]
    assert largest([effect("0", perhaps), effect("1", lone), effect("2", None)], "gained") is None
