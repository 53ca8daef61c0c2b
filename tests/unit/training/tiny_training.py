"""A short tuning of a tiny model, for tests."""

from collections.abc import Sequence
from pathlib import Path

import torch

from app.training.learn.batches import Pack, make_batch, pack_rows
from app.training.learn.loop import TrainingHooks, TrainingOutcome, learn
from app.training.learn.loss import answer_examples, summed_loss
from app.training.model.methods import AdaptedModel, adapt
from app.training.plain.encoding import EncodingReport, encode_all
from app.training.plain.library_types import Model
from app.training.plain.option_groups import DataOptions, MethodName, MethodOptions, ScheduleOptions
from app.training.plain.options import TrainingOptions as Options
from tests.unit.training.tiny_models import spelling, tiny_llama, tiny_tokenizer

STEPS = 12
FAST = {"lora": 2e-2, "full": 5e-3, "prefix": 5e-2}


def options_for(name: MethodName = "lora", *, packing: bool = False, **schedule: float) -> Options:
    values: dict[str, float] = {"steps": STEPS, "batch": 4, "micro_batch": 2}
    values |= {"checkpoint_every": 5, "learning_rate": FAST.get(name, 2e-2)}
    return Options(
        base_model="tiny",
        method=MethodOptions(
            name=name, targets=None if name in {"ia3", "bottleneck"} else "all linear"
        ),
        data=DataOptions(packing=packing, max_tokens=400),
        schedule=ScheduleOptions.model_validate({**values, **schedule}),
    )


def packs_for(options: Options, rows: int = 8) -> tuple[Sequence[Pack], EncodingReport]:
    encoded, report = encode_all(spelling(rows), tiny_tokenizer(), options.data)
    if options.data.packing:
        return pack_rows(encoded, options.data.max_tokens), report
    return [(row,) for row in encoded], report


def tuned(
    options: Options, folder: Path, watch: TrainingHooks | None = None, model: Model = None
) -> tuple[AdaptedModel, TrainingOutcome]:
    adapted = adapt(model or tiny_llama(), options.method, options.schedule.steps or STEPS)
    packs, _ = packs_for(options)
    return adapted, learn(
        adapted, answer_examples(packs), options, folder, watch or TrainingHooks()
    )


def mean_loss(model: Model, packs: Sequence[Pack], padding: int, batch_size: int = 8) -> float:
    """Return the mean cross entropy per loss token, in nats."""
    was_training = model.training
    model.eval()
    total, tokens = 0.0, 0
    for start in range(0, len(packs), batch_size):
        batch = make_batch(packs[start : start + batch_size], padding)
        with torch.no_grad():
            total += float(summed_loss(model, batch))
        tokens += batch.loss_tokens
    model.train(was_training)
    return total / tokens
