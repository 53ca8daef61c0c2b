"""The measurement of the layers of an adapter, as a part of an evaluation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from app.evaluation.answers import Contender, HeldOutTask
from app.evaluation.evaluation_result import LayerEffect
from app.evaluation.intervals import Bootstrap
from app.evaluation.layers import layer_effect
from app.services.training.contract import TrainingMonitor
from app.training.plain.library_types import Model
from app.training.use.adapter_layers import adapter_layers, switched_off

Losses: TypeAlias = Callable[[Sequence[HeldOutTask]], Contender | None]
"""Runs the tuned model on tasks, without answers; None when it was stopped."""


@dataclass(frozen=True, slots=True)
class MeasuredTasks:
    """Tasks of one kind with the losses of the whole tuned model."""

    tasks: Sequence[HeldOutTask]
    tuned: Contender


def measure_layers(
    model: Model,
    losses: Losses,
    held_out: MeasuredTasks,
    general: MeasuredTasks,
    bootstrap: Bootstrap,
    monitor: TrainingMonitor,
) -> list[LayerEffect] | None:
    """Measure a tuned model with each layer of its adapter switched off in turn.

    Args:
        model: The tuned model; a model without adapted layers gives an empty list.
        losses: Measures this model.
        held_out: What was to be learnt.
        general: What was to be kept; without tasks, forgetting is not measured.
        bootstrap: Options of the intervals.
        monitor: Gets a log line; says when to stop.

    Returns:
        The layers in the order of the model; None when it was stopped.
    """
    layers = adapter_layers(model)
    if not layers:
        monitor.log("The layers are not measured: this method adapts none.")
        return []
    monitor.log(f"Measures the model without each of {len(layers)} layers of its adapter.")
    found = []
    for name, modules in layers.items():
        with switched_off(modules):
            without = losses(held_out.tasks), losses(general.tasks)
        if without[0] is None or without[1] is None:
            return None
        found.append(
            layer_effect(name, (held_out.tuned, general.tuned), (without[0], without[1]), bootstrap)
        )
    return found
