"""The part of each layer of an adapter in what a tuning gained, and in what it forgot.

A layer is judged by switching it off while all others stay on. The parts of two layers don't add up
to the part of both: later layers work on the output of earlier ones.
"""

from collections.abc import Iterable
from typing import Literal

from app.evaluation.answers import Contender
from app.evaluation.evaluation_result import LayerEffect
from app.evaluation.forgetting import loss_change
from app.evaluation.intervals import Bootstrap


def layer_effect(
    layer: str,
    tuned: tuple[Contender, Contender],
    without: tuple[Contender, Contender],
    bootstrap: Bootstrap,
) -> LayerEffect:
    """Compare a tuned model with the same model without one layer of its adapter.

    Args:
        layer: Name of the layer.
        tuned: Losses of the tuned model on held-out and on general rows, which may be none.
        without: Losses of the same rows with the layer switched off.
        bootstrap: Options of the intervals.
    """
    return LayerEffect(
        layer=layer,
        gained=loss_change(tuned[0], without[0], bootstrap),
        forgotten=loss_change(without[1], tuned[1], bootstrap),
    )


def largest(
    effects: Iterable[LayerEffect], kind: Literal["gained", "forgotten"]
) -> LayerEffect | None:
    """Return the layer with the largest effect of a kind among those above chance.

    Returns:
        None when no layer has an interval above zero.
    """
    clear = []
    for effect in effects:
        estimate = effect.gained if kind == "gained" else effect.forgotten
        if estimate is not None and estimate.low is not None and estimate.low > 0:
            clear.append((estimate.value, effect))
    return max(clear, key=lambda each: each[0])[1] if clear else None
