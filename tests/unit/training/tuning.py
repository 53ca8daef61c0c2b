"""A short tuning of a tiny model, for tests."""

from collections.abc import Sequence
from pathlib import Path

from app.training.learn.batches import Pack, packs_of
from app.training.learn.loop import Outcome, Watch, tune
from app.training.model.methods import Adapted, adapt
from app.training.plain.encoding import EncodingReport, encode_all
from app.training.plain.library_types import Model
from app.training.plain.options import DataOptions, MethodName, MethodOptions, ScheduleOptions
from app.training.plain.options import TrainingOptions as Options
from tests.unit.training.making import spelling, tiny_llama, tiny_tokenizer

STEPS = 12
FAST = {"lora": 2e-2, "full": 5e-3, "prefix": 5e-2}


def options_for(name: MethodName = "lora", *, packing: bool = False, **schedule: float) -> Options:
    values: dict[str, float] = {"steps": STEPS, "batch": 4, "micro_batch": 2}
    values |= {"checkpoint_every": 5, "learning_rate": FAST.get(name, 2e-2)}
    return Options(
        base_model="tiny",
        method=MethodOptions(name=name, targets=None if name == "ia3" else "all linear"),
        data=DataOptions(packing=packing, max_tokens=400),
        schedule=ScheduleOptions.model_validate({**values, **schedule}),
    )


def packs_for(options: Options, rows: int = 8) -> tuple[Sequence[Pack], EncodingReport]:
    encoded, report = encode_all(spelling(rows), tiny_tokenizer(), options.data)
    if options.data.packing:
        return packs_of(encoded, options.data.max_tokens), report
    return [(row,) for row in encoded], report


def tuned(
    options: Options, folder: Path, watch: Watch | None = None, model: Model = None
) -> tuple[Adapted, Outcome]:
    adapted = adapt(model or tiny_llama(), options.method, options.schedule.steps or STEPS)
    packs, _ = packs_for(options)
    return adapted, tune(adapted, packs, options, folder, watch or Watch())
