"""Configurations of other trainers, read back as they read them."""

from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from app.formats.yaml_text import yaml_text
from app.training.plain import axolotl, llama_factory
from app.training.plain.external_options import BatchSplit, TrainingFiles, split_batch
from app.training.plain.option_groups import ScheduleOptions
from app.training.plain.options import TrainingOptions

FILES = TrainingFiles(
    "alpaca_jsonl",
    {
        "train": "data/train.jsonl",
        "general": "data/general.jsonl",
        "held_out": "data/held_out.jsonl",
    },
    sequences=600,
)
TRAIN_ALONE = TrainingFiles("alpaca_jsonl", {"train": "data/train.jsonl"}, sequences=600)
TURNS = TrainingFiles("messages", {"train": "data/train.jsonl"}, sequences=600)


def options_of(where: str, **changes: Any) -> TrainingOptions:
    return TrainingOptions.model_validate({"where": where, "base_model": "owner/model", **changes})


def llama(files: TrainingFiles = FILES, **changes: Any) -> dict[str, Any]:
    made = llama_factory.configuration(options_of("llama_factory", **changes), files)
    read = yaml.safe_load(yaml_text(made))
    assert read == made
    return dict(read)


def axo(files: TrainingFiles = FILES, **changes: Any) -> dict[str, Any]:
    made = axolotl.configuration(options_of("axolotl", **changes), files)
    read = yaml.safe_load(yaml_text(made))
    assert read == made
    return dict(read)


def test_llama_factory_gets_everything_that_decides_a_lora() -> None:
    reported = llama(
        method={"rank": 16, "alpha": 32, "dropout": 0.1, "targets": ["q_proj", "up_proj"]},
        data={"max_tokens": 900},
        schedule={"epochs": 2, "batch": 12, "micro_batch": 5, "learning_rate": 1e-5,
                  "shape": "linear", "warmup_share": 0.1, "checkpoint_every": 20},
        seed=7,
    )  # fmt: skip

    assert reported == {
        "model_name_or_path": "owner/model", "stage": "sft", "do_train": True,
        "finetuning_type": "lora", "lora_rank": 16, "lora_alpha": 32, "lora_dropout": 0.1,
        "lora_target": "q_proj,up_proj", "dataset_dir": "data", "dataset": "train,general",
        "template": "alpaca", "cutoff_len": 900, "num_train_epochs": 2.0,
        "per_device_train_batch_size": 4, "gradient_accumulation_steps": 3, "learning_rate": 1e-5,
        "lr_scheduler_type": "linear", "warmup_steps": 10, "weight_decay": 0.0,
        "max_grad_norm": 1.0, "optim": "adamw_torch", "bf16": True, "seed": 7,
        "output_dir": "tuned", "logging_steps": 1, "save_steps": 20, "report_to": "none",
        "eval_dataset": "held_out", "do_eval": True, "eval_strategy": "steps", "eval_steps": 20,
        "per_device_eval_batch_size": 4,
    }  # fmt: skip


def test_axolotl_gets_everything_that_decides_a_lora() -> None:
    reported = axo(
        method={"rank": 16, "alpha": 32, "dropout": 0.1, "targets": ["q_proj", "up_proj"]},
        data={"max_tokens": 900},
        schedule={"steps": 40, "batch": 12, "micro_batch": 5, "learning_rate": 1e-5,
                  "shape": "constant", "warmup_share": 0.1, "checkpoint_every": 20},
        seed=7,
    )  # fmt: skip
    rows = {"ds_type": "json", "split": "train", "type": "alpaca"}

    assert reported == {
        "base_model": "owner/model", "adapter": "lora", "lora_r": 16, "lora_alpha": 32,
        "lora_dropout": 0.1, "lora_target_modules": ["q_proj", "up_proj"],
        "datasets": [{"path": "data/train.jsonl", **rows}, {"path": "data/general.jsonl", **rows}],
        "val_set_size": 0.0, "test_datasets": [{"path": "data/held_out.jsonl", **rows}],
        "eval_steps": 20, "sequence_len": 900, "excess_length_strategy": "truncate",
        "sample_packing": False, "train_on_inputs": False, "max_steps": 40, "micro_batch_size": 4,
        "gradient_accumulation_steps": 3, "learning_rate": 1e-5,
        "lr_scheduler": "constant_with_warmup", "warmup_ratio": 0.1, "weight_decay": 0.0,
        "max_grad_norm": 1.0, "optimizer": "adamw_torch", "bf16": "auto", "seed": 7,
        "output_dir": "tuned", "dataset_prepared_path": "prepared", "logging_steps": 1,
        "save_steps": 20,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("method", "of_llama_factory", "of_axolotl"),
    [
        ("lora", {"lora_target": "q_proj,v_proj"}, {"lora_target_modules": ["q_proj", "v_proj"]}),
        ("rslora", {"use_rslora": True, "lora_rank": 8}, {"peft_use_rslora": True, "lora_r": 8}),
        ("dora", {"use_dora": True}, {"peft_use_dora": True, "adapter": "lora"}),
        (
            "qlora",
            {"quantization_bit": 4, "quantization_type": "nf4", "double_quantization": True,
             "lora_rank": 64, "lora_target": "all", "optim": "paged_adamw_32bit"},
            {"adapter": "qlora", "load_in_4bit": True, "lora_r": 64, "lora_target_linear": True,
             "optimizer": "paged_adamw_32bit"},
        ),
        ("full", {"finetuning_type": "full", "learning_rate": 2e-5}, {"learning_rate": 2e-5}),
    ],
)  # fmt: skip
def test_each_method_has_its_switches(
    method: str, of_llama_factory: dict[str, Any], of_axolotl: dict[str, Any]
) -> None:
    reported, told_too = llama(method={"name": method}), axo(method={"name": method})

    assert reported | of_llama_factory == reported
    assert told_too | of_axolotl == told_too
    is_low_rank = method != "full"
    assert ("lora_rank" in reported, "adapter" in told_too) == (is_low_rank, is_low_rank)
    assert ("use_dora" in reported, "peft_use_dora" in told_too) == (method == "dora",) * 2
    assert ("quantization_bit" in reported, "load_in_4bit" in told_too) == (method == "qlora",) * 2


def test_all_linear_layers_have_a_name_of_their_own() -> None:
    method = {"targets": "all linear"}

    assert llama(method=method)["lora_target"] == "all"
    assert axo(method=method)["lora_target_linear"] is True
    assert "lora_target_modules" not in axo(method=method)


def test_where_nothing_is_held_out_nothing_is_measured() -> None:
    assert not [key for key in llama(TRAIN_ALONE) if "eval" in key]
    assert "test_datasets" not in axo(TRAIN_ALONE)
    assert "eval_steps" not in axo(TRAIN_ALONE)


def test_packed_rows_stay_blind_to_each_other() -> None:
    reported = llama(data={"packing": True})
    assert (reported["packing"], reported["neat_packing"]) == (True, True)
    reported = axo(data={"packing": True})
    assert (reported["sample_packing"], reported["sdp_attention"]) == (True, True)
    # A few held-out rows may fill no pack, which it refuses.
    assert reported["eval_sample_packing"] is False


def test_a_chat_template_is_the_models_own() -> None:
    data = {"template": "chat"}

    assert "template" not in llama(TURNS, data=data)
    reported = axo(TURNS, data=data)
    assert reported["chat_template"] == "tokenizer_default"
    assert reported["datasets"][0]["type"] == "chat_template"
    assert reported["datasets"][0]["chat_template"] == "tokenizer_default"
    # Rows with turns, and Alpaca's words around them.
    assert axo(TURNS)["datasets"][0]["chat_template"] == "alpaca"


def test_llama_factory_finds_each_side_in_its_list() -> None:
    entries = llama_factory.dataset_info(FILES)

    assert set(entries) == {"train", "general", "held_out"}
    assert entries["general"]["file_name"] == "general.jsonl"
    assert entries["train"]["columns"] == {
        "prompt": "instruction", "query": "input", "response": "output",
    }  # fmt: skip
    turned = TrainingFiles("jsonl", TRAIN_ALONE.files, 600, with_turns=True)
    assert llama_factory.dataset_info(turned)["train"]["columns"]["history"] == "history"


def test_a_warm_up_is_counted_for_versions_that_know_no_share_of_one() -> None:
    assert llama(schedule={"epochs": 2, "batch": 12, "warmup_share": 0.1})["warmup_steps"] == 10
    assert llama(schedule={"steps": 50, "warmup_share": 0.1})["warmup_steps"] == 5
    assert llama(schedule={"steps": 50, "warmup_share": 0})["warmup_steps"] == 0


@pytest.mark.parametrize(
    ("batch", "micro_batch", "split"),
    [(16, 4, BatchSplit(4, 4)), (10, 4, BatchSplit(2, 5)), (7, 4, BatchSplit(1, 7)),
     (3, 8, BatchSplit(3, 1))],
)  # fmt: skip
def test_a_batch_keeps_its_size_in_even_parts(
    batch: int, micro_batch: int, split: BatchSplit
) -> None:
    assert split_batch(ScheduleOptions(batch=batch, micro_batch=micro_batch)) == split


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"where": "axolotl"}, "base_model", "can't use the embedded model"),
        ({"where": "webhook", "base_model": "embedded"}, "base_model", "the webhook can't use"),
        ({"where": "llama_factory", "base_model": "x", "method": {"name": "prefix"}}, "method",
         "does not support prefix; it supports lora"),
        ({"where": "axolotl", "base_model": "x", "method": {"name": "adalora"}}, "method",
         "does not support adalora"),
        ({"where": "axolotl", "base_model": "x", "method": {"alpha": 16.5}}, "method", "whole"),
        ({"where": "axolotl", "base_model": "x", "evaluation": {"judge": {}}}, "evaluation",
         "a judge, a general data set and layers"),
        ({"where": "axolotl", "base_model": "x", "outputs": {"merged": True}}, "outputs",
         "merged weights need"),
        ({"where": "elsewhere"}, "where", "llama_factory"),
    ],
)  # fmt: skip
def test_unsupported_options_are_refused_by_their_field(
    changes: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        TrainingOptions.model_validate(changes)
    (error,) = refused.value.errors()
    assert error["loc"] == (field,)
    assert words in error["msg"]


def test_a_webhook_gets_any_method() -> None:
    reported = options_of("webhook", method={"name": "adalora"}, evaluation={"judge": {}})
    assert reported.method.name == "adalora"
