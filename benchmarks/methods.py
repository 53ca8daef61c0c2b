"""The tuning methods side by side: trained share, inference cost, what is learnt and forgotten.

``python -m benchmarks.methods [--base-model embedded] [--steps 20] [--methods lora bottleneck]``
tunes one small model with each method on the same rows of simple sums, and prints a Markdown table.
Forgetting is the change of the loss on general rows, the bundled seed tasks.
"""

import argparse
import math
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from app.dataset_row import Record
from app.errors import SeedbedError
from app.evaluation.evaluation_result import InferenceCost
from app.pipeline.seed_tasks import read_seed_tasks
from app.training.learn.loop import TrainingHooks, count_steps, learn
from app.training.learn.loss import answer_examples, log_probabilities
from app.training.model.base_models import load_for_training
from app.training.model.device import default_device
from app.training.model.methods import adapt
from app.training.plain.encoding import Encoded, encode_all
from app.training.plain.library_types import Model
from app.training.plain.option_groups import MethodName
from app.training.plain.options import EMBEDDED, TrainingOptions
from app.training.publish.adapter_folder import MERGEABLE
from app.training.use.inference_cost import cost_of_full_tuning, inference_cost

CHANGED: dict[MethodName, str] = {
    "lora": "low-rank matrices beside query and value",
    "rslora": "the same, scaled by alpha / sqrt(rank)",
    "dora": "the same, and magnitudes",
    "qlora": "low-rank matrices beside all linear layers, in 4 bits",
    "adalora": "low-rank matrices of adapted rank",
    "prefix": "keys and values before the text",
    "ia3": "factors of keys, values and inner features",
    "bottleneck": "layers behind attention and feed-forward",
    "full": "all weights",
}
HELD_OUT = 16


def main() -> None:
    """Tune with each method and print its line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base-model", default=EMBEDDED)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--general", type=int, default=32, help="general rows")
    parser.add_argument("--cache", type=Path, default=Path("data/models"))
    parser.add_argument("--methods", nargs="*", default=get_args(MethodName))
    asked = parser.parse_args()
    print(
        "| method | what changes | trained share | learnt: loss | forgotten: loss "
        "| multiply-adds | time per token | merged | seconds |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name in asked.methods:
        try:
            cells = _measure(name, asked)
        except SeedbedError as error:
            cells = [str(error)]
        print(f"| `{name}` | {CHANGED[name]} | {' | '.join(cells)} |", flush=True)


def _measure(name: MethodName, asked: argparse.Namespace) -> Sequence[str]:
    options = TrainingOptions.model_validate(
        {
            "base_model": asked.base_model,
            "method": {"name": name},
            "data": {"max_tokens": 512},
            "schedule": {"steps": asked.steps, "batch": 8, "checkpoint_every": 10**6},
        }
    )
    loaded = load_for_training(options, asked.cache, default_device())
    learnt, held_out, general = (
        encode_all(rows, loaded.tokenizer, options.data)[0]
        for rows in (_sums()[HELD_OUT:], _sums()[:HELD_OUT], _seeds(asked.general))
    )
    padding = loaded.tokenizer.pad_token_id
    before = [_loss(loaded.model, rows, padding) for rows in (held_out, general)]
    start = time.perf_counter()
    adapted = adapt(loaded.model, options.method, count_steps(len(learnt), options.schedule))
    with tempfile.TemporaryDirectory() as folder:
        learn(
            adapted,
            answer_examples([(row,) for row in learnt]),
            options,
            Path(folder),
            TrainingHooks(),
        )
    seconds = time.perf_counter() - start
    after = [_loss(adapted.model, rows, padding) for rows in (held_out, general)]
    cost = (
        cost_of_full_tuning(adapted.model)
        if name == "full"
        else inference_cost(adapted.model, mergeable=name in MERGEABLE or name == "qlora")
    )
    return [
        f"{adapted.parameters.share:.3%}",
        *(f"{old:.2f} -> {new:.2f}" for old, new in zip(before, after, strict=True)),
        *_cost(cost),
        f"{seconds:.0f}",
    ]


def _cost(cost: InferenceCost) -> Sequence[str]:
    if not cost.extra_multiply_adds:
        return ["none", "none", "is merged"]
    ratio = "not measured" if cost.time_ratio is None else f"x {cost.time_ratio:.2f}"
    return [f"+{cost.extra_share:.2%}", ratio, "costs none" if cost.mergeable else "not possible"]


def _loss(model: Model, rows: Sequence[Encoded], padding: int) -> float:
    """Return the mean loss per token, in nats."""
    logarithms = [one for row in log_probabilities(model, rows, padding) for one in row]
    return -math.fsum(logarithms) / len(logarithms)


def _sums() -> Sequence[Record]:
    pairs = [(7 * number % 41, 11 * number % 37) for number in range(1, 97)]
    return [Record("Add the numbers.", f"The sum is {a + b}.", f"{a} and {b}") for a, b in pairs]


def _seeds(count: int) -> Sequence[Record]:
    tasks = read_seed_tasks(Path("seed_tasks/seed_tasks.jsonl").read_bytes())[:count]
    return [
        Record(one.instruction, one.instances[0].output, one.instances[0].input) for one in tasks
    ]


if __name__ == "__main__":
    main()
