"""The Axolotl configuration of a training job."""

from collections.abc import Mapping
from typing import Any

from app.formats.hub.trainers import axolotl_source
from app.training.plain.external_options import (
    TrainingFiles,
    scheduler_name,
    split_batch,
    target_names,
)
from app.training.plain.option_groups import MethodOptions
from app.training.plain.options import TrainingOptions

CONFIGURATION = "axolotl.yaml"
COMMAND = f"axolotl train {CONFIGURATION}"


def configuration(options: TrainingOptions, data: TrainingFiles) -> Mapping[str, Any]:
    """Return the content of `axolotl.yaml`."""
    schedule, batch_split = options.schedule, split_batch(options.schedule)
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
        "micro_batch_size": batch_split.micro_batch,
        "gradient_accumulation_steps": batch_split.accumulation_steps,
        "learning_rate": options.learning_rate,
        "lr_scheduler": scheduler_name(schedule),
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
    targets = target_names(method)
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


def _sources(options: TrainingOptions, data: TrainingFiles) -> Mapping[str, Any]:
    template: dict[str, Any] = {}
    if data.format_name == "messages":
        own = "tokenizer_default" if options.data.template == "chat" else "alpaca"
        template = {"chat_template": own}
    every = {
        # A source without a template gets that of the tokenizer, whatever is set at the top level.
        side: {**axolotl_source(data.format_name, path), **template}
        for side, path in data.files.items()
    }
    held_out = every.pop("held_out", None)
    sources: dict[str, Any] = {**template, "datasets": list(every.values()), "val_set_size": 0.0}
    if held_out is not None:
        sources["test_datasets"] = [held_out]
        sources["eval_steps"] = options.schedule.checkpoint_every
    return sources


def _packing(options: TrainingOptions, data: TrainingFiles) -> Mapping[str, Any]:
    if not options.data.packing:
        return {"sample_packing": False}
    # Its attention isolates packed rows only with this switch. A few held-out rows may not fill one
    # pack, which it rejects.
    packing: dict[str, Any] = {"sample_packing": True, "sdp_attention": True}
    return packing | ({"eval_sample_packing": False} if "held_out" in data.files else {})
