"""The LLaMA-Factory configuration of a training job."""

from collections.abc import Mapping
from typing import Any

from app.formats.hub.trainers import llama_factory
from app.training.plain.external_options import (
    TrainingFiles,
    scheduler_name,
    split_batch,
    target_names,
    warmup_steps_for,
)
from app.training.plain.option_groups import MethodOptions
from app.training.plain.options import TrainingOptions

CONFIGURATION = "llama_factory.yaml"
COMMAND = f"llamafactory-cli train {CONFIGURATION}"
DATA_FOLDER = "data"
"""Folder with `dataset_info.json`, relative to the working directory of the program."""


def configuration(options: TrainingOptions, data: TrainingFiles) -> Mapping[str, Any]:
    """Return the content of `llama_factory.yaml`."""
    schedule, batch_split = options.schedule, split_batch(options.schedule)
    trained = [side for side in data.files if side != "held_out"]
    length: dict[str, Any] = {"num_train_epochs": schedule.epochs}
    if schedule.steps is not None:
        length = {"max_steps": schedule.steps}
    return {
        "model_name_or_path": options.base_model,
        "stage": "sft",
        "do_train": True,
        **_method(options.method),
        "dataset_dir": DATA_FOLDER,
        "dataset": ",".join(trained),
        # Without this key it uses the chat template of the model.
        **({"template": "alpaca"} if options.data.template == "alpaca" else {}),
        "cutoff_len": options.data.max_tokens,
        **({"packing": True, "neat_packing": True} if options.data.packing else {}),
        **length,
        "per_device_train_batch_size": batch_split.micro_batch,
        "gradient_accumulation_steps": batch_split.accumulation_steps,
        "learning_rate": options.learning_rate,
        "lr_scheduler_type": scheduler_name(schedule),
        "warmup_steps": warmup_steps_for(schedule, data.sequences),
        "weight_decay": schedule.weight_decay,
        "max_grad_norm": schedule.most_gradient,
        "optim": "paged_adamw_32bit" if options.method.name == "qlora" else "adamw_torch",
        "bf16": True,
        "seed": options.seed,
        "output_dir": "tuned",
        "logging_steps": 1,
        "save_steps": schedule.checkpoint_every,
        "report_to": "none",
        **(_held_out(options) if "held_out" in data.files else {}),
    }


def dataset_info(data: TrainingFiles) -> Mapping[str, Any]:
    """Return the content of `dataset_info.json`."""
    entries: dict[str, Any] = {}
    for side, path in data.files.items():
        # It resolves paths relative to the folder of `dataset_info.json`.
        file_name = path.removeprefix(f"{DATA_FOLDER}/")
        entries |= llama_factory(
            side, data.format_name, {"train": file_name}, chat_columns=data.with_turns
        )
    return entries


def _method(method: MethodOptions) -> Mapping[str, Any]:
    if method.name == "full":
        return {"finetuning_type": "full"}
    targets = target_names(method)
    switches: dict[str, dict[str, Any]] = {
        "rslora": {"use_rslora": True},
        "dora": {"use_dora": True},
        "qlora": {
            "quantization_bit": 4,
            "quantization_type": "nf4",
            "double_quantization": True,
        },
    }
    return {
        "finetuning_type": "lora",
        "lora_rank": method.effective_rank,
        "lora_alpha": int(method.alpha),
        "lora_dropout": method.dropout,
        "lora_target": "all" if targets is None else ",".join(targets),
        **switches.get(method.name, {}),
    }


def _held_out(options: TrainingOptions) -> Mapping[str, Any]:
    return {
        "eval_dataset": "held_out",
        "do_eval": True,
        "eval_strategy": "steps",
        "eval_steps": options.schedule.checkpoint_every,
        "per_device_eval_batch_size": split_batch(options.schedule).micro_batch,
    }
