"""A training as Axolotl wants to be told of it. Imports no torch."""

from collections.abc import Mapping
from typing import Any

from app.formats.hub.trainers import axolotl_source
from app.training.plain.external_options import Handover, portions_of, scheduler_of, targets_named
from app.training.plain.options import MethodOptions, TrainingOptions

CONFIGURATION = "axolotl.yaml"
COMMAND = f"axolotl train {CONFIGURATION}"


def configuration(options: TrainingOptions, data: Handover) -> Mapping[str, Any]:
    """Make what is to be written into its YAML file."""
    schedule, portions = options.schedule, portions_of(options.schedule)
    length: dict[str, Any] = {"num_epochs": schedule.epochs}
    if schedule.steps is not None:
        length = {"max_steps": schedule.steps}
    return {
        "base_model": options.base_model,
        **_method(options.method),
        **_sources(options, data),
        "sequence_len": options.data.max_tokens,
        "excess_length_strategy": "truncate",
        **_packing(options, data),
        "train_on_inputs": False,
        **length,
        "micro_batch_size": portions.at_once,
        "gradient_accumulation_steps": portions.accumulated,
        "learning_rate": options.learning_rate,
        "lr_scheduler": scheduler_of(schedule),
        "warmup_ratio": schedule.warmup_share,
        "weight_decay": schedule.weight_decay,
        "max_grad_norm": schedule.most_gradient,
        "optimizer": "paged_adamw_32bit" if options.method.name == "qlora" else "adamw_torch",
        "bf16": "auto",
        "seed": options.seed,
        "output_dir": "tuned",
        "dataset_prepared_path": "prepared",
        "logging_steps": 1,
        "save_steps": schedule.checkpoint_every,
    }


def _method(method: MethodOptions) -> Mapping[str, Any]:
    if method.name == "full":
        return {}
    targets = targets_named(method)
    switches: dict[str, dict[str, Any]] = {
        "rslora": {"peft_use_rslora": True},
        "dora": {"peft_use_dora": True},
        "qlora": {"load_in_4bit": True, "gradient_checkpointing": True},
    }
    return {
        "adapter": "qlora" if method.name == "qlora" else "lora",
        "lora_r": method.effective_rank,
        "lora_alpha": int(method.alpha),
        "lora_dropout": method.dropout,
        **(
            {"lora_target_linear": True}
            if targets is None
            else {"lora_target_modules": list(targets)}
        ),
        **switches.get(method.name, {}),
    }


def _sources(options: TrainingOptions, data: Handover) -> Mapping[str, Any]:
    template: dict[str, Any] = {}
    if data.format_name == "messages":
        own = "tokenizer_default" if options.data.template == "chat" else "alpaca"
        template = {"chat_template": own}
    every = {
        # A source that names no template has the tokenizer's, whatever is named for all.
        side: {**axolotl_source(data.format_name, path), **template}
        for side, path in data.files.items()
    }
    held_out = every.pop("held_out", None)
    sources: dict[str, Any] = {**template, "datasets": list(every.values()), "val_set_size": 0.0}
    if held_out is not None:
        sources["test_datasets"] = [held_out]
        sources["eval_steps"] = options.schedule.checkpoint_every
    return sources


def _packing(options: TrainingOptions, data: Handover) -> Mapping[str, Any]:
    if not options.data.packing:
        return {"sample_packing": False}
    # Rows see only themselves where its attention knows of packing, and few held-out rows may fill
    # no pack, which it refuses.
    packing: dict[str, Any] = {"sample_packing": True, "sdp_attention": True}
    return packing | ({"eval_sample_packing": False} if "held_out" in data.files else {})
