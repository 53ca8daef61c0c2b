"""Tuning by our loop, packed and not, against transformers' Trainer: tokens a second, memory.

``python -m benchmarks.training [--steps 10] [--rows 64] [--tokens 256]``: each way in a process of
its own, for the peak of memory is a process's. Then what an answer costs: the base model, the same
with the adapter beside its weights, and with the adapter worked into them. On a GPU where there is
one.
"""

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer, TrainingArguments

from app.dataset_row import Record
from app.training.learn.batches import pack_rows
from app.training.learn.loop import TrainingHooks, learn
from app.training.learn.loss import answer_examples
from app.training.model.base_models import BaseModel, load_for_training
from app.training.model.device import default_device
from app.training.model.methods import adapt
from app.training.plain.encoding import Encoded, encode_all, encode_prompt
from app.training.plain.option_groups import DataOptions, MethodOptions, ScheduleOptions
from app.training.plain.options import TrainingOptions
from app.training.publish.adapter_folder import merge_adapter

WAYS = ("ours, packed", "ours", "Trainer")
ANSWERS = "answering"


def main() -> None:
    """Run each way and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--cache", type=Path, default=Path("data/models"))
    parser.add_argument("--answer-tokens", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--way", choices=(*WAYS, ANSWERS))
    asked = parser.parse_args()
    if asked.way:
        print(json.dumps(_answer_costs(asked) if asked.way == ANSWERS else _measure(asked)))
        return
    print(f"{'way':16}{'seconds':>10}{'tokens':>10}{'tokens/s':>10}{'peak MB':>10}{'loss':>8}")
    for way in WAYS:
        row = _in_a_process(way)
        print(
            f"{way:16}{row['seconds']:10.1f}{row['tokens']:10,}"
            f"{row['tokens'] / row['seconds']:10.0f}{row['peak_mb']:10,.0f}{row['loss']:8.3f}",
            flush=True,
        )
    costs = _in_a_process(ANSWERS)
    print(f"\n{'answering':16}{'ms/answer':>10}{'of base':>10}")
    for who, seconds in costs.items():
        print(f"{who:16}{1000 * seconds:10.1f}{seconds / costs['base']:10.2f}")


def _in_a_process(way: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.training", *sys.argv[1:], "--way", way]
    made = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    row: dict[str, Any] = json.loads(made.stdout.splitlines()[-1])
    return row


def _rows(count: int) -> Sequence[Record]:
    """Return rows of very unequal length, as real ones are."""
    return [
        Record("Count up.", " ".join(map(str, range(1 + (number * 37) % 90))), f"Row {number}.")
        for number in range(count)
    ]


def _measure(asked: argparse.Namespace) -> dict[str, Any]:
    options = TrainingOptions(
        data=DataOptions(max_tokens=asked.tokens, packing=asked.way == "ours, packed"),
        schedule=ScheduleOptions(steps=asked.steps, batch=4, micro_batch=4),
    )
    loaded = load_for_training(options, asked.cache, default_device())
    rows, _ = encode_all(_rows(asked.rows), loaded.tokenizer, options.data)
    adapted = adapt(loaded.model, options.method, asked.steps)
    seen = {"tokens": 0}
    # Counts what the model is really given, padding left out, in either way alike.
    loaded.model.register_forward_pre_hook(
        lambda _module, _given, kwargs: seen.__setitem__(
            "tokens",
            seen["tokens"] + int((kwargs["input_ids"] != loaded.tokenizer.pad_token_id).sum()),
        ),
        with_kwargs=True,
    )
    started = time.monotonic()
    if asked.way == "Trainer":
        loss = _by_trainer(adapted.model, loaded, rows, options)
    else:
        packing = options.data.packing
        packs = pack_rows(rows, asked.tokens) if packing else [(row,) for row in rows]
        with tempfile.TemporaryDirectory() as folder:
            loss = learn(
                adapted, answer_examples(packs), options, Path(folder), TrainingHooks()
            ).losses[-1]
    seconds = time.monotonic() - started
    return {"seconds": seconds, "peak_mb": _peak_mb(), "loss": loss, **seen}


def _by_trainer(
    model: Any,  # noqa: ANN401 - of a library without types here
    loaded: BaseModel,
    rows: Sequence[Encoded],
    options: TrainingOptions,
) -> float:
    """Measure the plain way: transformers' Trainer on padded rows."""

    def collate(some: Sequence[dict[str, Sequence[int]]]) -> dict[str, torch.Tensor]:
        longest = max(len(row["ids"]) for row in some)

        def padded(name: str, by: int) -> torch.Tensor:
            return torch.tensor([[*row[name], *[by] * (longest - len(row[name]))] for row in some])

        ids = padded("ids", loaded.tokenizer.pad_token_id)
        shown = [[1] * len(row["ids"]) + [0] * (longest - len(row["ids"])) for row in some]
        return {
            "input_ids": ids,
            "attention_mask": torch.tensor(shown),
            "labels": padded("labels", -100),
        }

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            max_steps=options.schedule.steps or 1,
            per_device_train_batch_size=options.schedule.batch,
            learning_rate=options.learning_rate,
            remove_unused_columns=False,
            bf16=torch.cuda.is_available(),
            report_to=[],
            disable_tqdm=True,
            save_strategy="no",
            logging_steps=1,
        )
        data = [{"ids": row.ids, "labels": row.labels} for row in rows]
        trainer = Trainer(model=model, args=arguments, train_dataset=data, data_collator=collate)
        trainer.train()
        losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    return float(losses[-1])


def _answer_costs(asked: argparse.Namespace) -> dict[str, float]:
    """Return the seconds per answer, the best of some rounds; one answer after another.

    LoRA on all linear matrices, which costs most. The first in a round pays no more for it:
    the rounds go on in turn.
    """
    options = TrainingOptions(method=MethodOptions(targets="all linear"))
    device, contenders = default_device(), {}
    for who in ("base", "adapter", "merged"):
        model = load_for_training(options, asked.cache, device).model
        if who != "base":
            torch.manual_seed(0)
            model = adapt(model, options.method, 1).model
        contenders[who] = (merge_adapter(model) if who == "merged" else model).eval()
    tokenizer = load_for_training(options, asked.cache, device).tokenizer
    prompts = [
        torch.tensor([encode_prompt(row, tokenizer, options.data)], device=device.name)
        for row in _rows(2)
    ]
    best = dict.fromkeys(contenders, math.inf)
    for _ in range(asked.rounds):
        for who, model in contenders.items():
            started = time.monotonic()
            for prompt in prompts:
                length = {
                    "max_new_tokens": asked.answer_tokens,
                    "min_new_tokens": asked.answer_tokens,
                }
                shown = torch.ones_like(prompt)
                model.generate(input_ids=prompt, attention_mask=shown, do_sample=False, **length)
            best[who] = min(best[who], (time.monotonic() - started) / len(prompts))
    return best


def _peak_mb() -> float:
    if torch.cuda.is_available():
        peak: int = torch.cuda.max_memory_allocated()
        return peak / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
