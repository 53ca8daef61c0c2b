"""Base models that would be tuned into wrong ones are refused; padding is the same everywhere."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertLMHeadModel,
    FalconConfig,
    FalconForCausalLM,
    LlamaForSequenceClassification,
    MambaConfig,
    MambaForCausalLM,
    RobertaConfig,
    RobertaForMaskedLM,
    T5Config,
    T5ForConditionalGeneration,
)

from app.dataset_row import Record
from app.errors import InvalidInput
from app.training.job import Job, run_job
from app.training.learn.classifier import classify, make_classifier
from app.training.learn.loop import TrainingHooks
from app.training.model.base_models import classification_head, load_for_inference
from app.training.model.device import Device
from app.training.model.methods import adapt
from app.training.model.model_checks import check_is_causal
from app.training.plain.option_groups import DataOptions, MethodName, MethodOptions
from app.training.plain.options import Task, TrainingOptions
from tests.unit.training.tiny_models import spelling, tiny_gpt2, tiny_llama, tiny_tokenizer

pytestmark = pytest.mark.torch

SIZES = {
    "vocab_size": len(tiny_tokenizer()),
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "bos_token_id": 2,
    "eos_token_id": 1,
    "pad_token_id": 0,
}
LABELLED = [Record(f"text {number}", "yes" if number % 2 else "no") for number in range(8)]


def mamba() -> Any:
    return MambaForCausalLM(
        MambaConfig(vocab_size=SIZES["vocab_size"], hidden_size=32, num_hidden_layers=2)
    )


def falcon() -> Any:
    return FalconForCausalLM(FalconConfig(**SIZES))


def bert_decoder() -> Any:
    return BertLMHeadModel(BertConfig(is_decoder=True, **SIZES))


def saved(model: Any, folder: Path, tokenizer: Any = None, **config: object) -> Path:
    model.save_pretrained(folder)
    (tokenizer or tiny_tokenizer()).save_pretrained(folder)
    text = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(text | config), encoding="utf-8")
    return folder


def trained(folder: Path, task: Task = "answers") -> Any:
    options = TrainingOptions(base_model=str(folder), task=task)
    rows = spelling(8) if task == "answers" else LABELLED
    job = Job(options, rows, folder / "checkpoints", folder / "tuned", folder, Device())
    return run_job(job, TrainingHooks()).record


def reason(folder: Path, task: Task = "answers") -> str:
    with pytest.raises(InvalidInput) as caught:
        trained(folder, task)
    return f"{caught.value} {caught.value.faults[0]}"


@pytest.mark.parametrize(
    "encoder",
    [
        lambda: RobertaForMaskedLM(RobertaConfig(**SIZES)),
        lambda: BertForMaskedLM(BertConfig(**SIZES)),
    ],
)
def test_a_bidirectional_encoder_is_not_trained_to_answer(
    encoder: Callable[[], Any], tmp_path: Path
) -> None:
    why = reason(saved(encoder(), tmp_path / "tiny"))
    assert "it is bidirectional" in why
    assert "use the task 'labels'" in why


@pytest.mark.parametrize(
    "decoder",
    [
        tiny_llama,
        tiny_gpt2,
        mamba,
        falcon,
        lambda: BertLMHeadModel(BertConfig(is_decoder=True, **SIZES)),
    ],
)
def test_models_that_write_from_left_to_right_pass(decoder: Callable[[], Any]) -> None:
    model = decoder()
    check_is_causal(model, "tiny")
    check_is_causal(model.to(torch.bfloat16), "tiny")


def test_an_encoder_decoder_is_refused_by_name(tmp_path: Path) -> None:
    model = T5ForConditionalGeneration(
        T5Config(vocab_size=SIZES["vocab_size"], d_model=32, d_kv=8, d_ff=64, num_layers=2)
    )
    assert "it is an encoder-decoder model" in reason(saved(model, tmp_path / "tiny"))


@pytest.mark.parametrize("pad", [-1, 99_999, 1, None])
def test_a_decoder_classifies_a_text_alone_as_in_a_batch(pad: int | None, tmp_path: Path) -> None:
    torch.manual_seed(3)
    model = LlamaForSequenceClassification(tiny_llama().config)
    folder = saved(model, tmp_path / "tiny", pad_token_id=pad)
    head = classification_head(["no", "yes"])
    loaded = load_for_inference(str(folder), tmp_path, Device(), head)
    classifier, options = make_classifier(loaded, ["no", "yes"]), DataOptions()
    texts = ["Short.", "A text that is very much longer than the other one is."]
    together = classify(classifier, texts, options)
    for text, of_batch in zip(texts, together, strict=True):
        [alone] = classify(classifier, [text], options)
        assert alone == pytest.approx(of_batch, abs=1e-5)


@pytest.mark.parametrize("pad", [-1, 99_999])
@pytest.mark.parametrize("task", ["answers", "labels"])
def test_an_impossible_padding_token_is_replaced(pad: int, task: Task, tmp_path: Path) -> None:
    assert trained(saved(tiny_llama(), tmp_path / "tiny", pad_token_id=pad), task)["losses"]


def test_tokens_without_an_embedding_are_named(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.add_special_tokens({"eos_token": "<|new|>"})
    why = reason(saved(tiny_llama(), tmp_path / "tiny", tokenizer))
    assert "does not fit its weights" in why
    assert "has '<|new|>', but the model has embeddings for 262 tokens only" in why


@pytest.mark.parametrize("task", ["answers", "labels"])
def test_a_configuration_of_another_size_is_named(task: Task, tmp_path: Path) -> None:
    folder = saved(tiny_llama(), tmp_path / "tiny", hidden_size=64)
    assert "config.json does not fit the weights" in reason(folder, task)


def test_junk_in_files_is_no_defect(tmp_path: Path) -> None:
    folder = saved(tiny_llama(), tmp_path / "tiny")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"junk" * 100)
    assert "cannot be loaded" in reason(folder)


@pytest.mark.parametrize("model", [mamba, falcon])
@pytest.mark.parametrize("method", ["lora", "dora", "ia3"])
def test_unusual_architectures_have_default_targets(
    model: Callable[[], Any], method: MethodName
) -> None:
    adapted = adapt(model(), MethodOptions(name=method), steps=10)
    assert adapted.targets
    assert 0 < adapted.parameters.share < 1


def test_a_prefix_for_a_model_without_keys_and_values_is_refused() -> None:
    with pytest.raises(
        InvalidInput, match="MambaForCausalLM can't be tuned with a prefix"
    ) as caught:
        adapt(mamba(), MethodOptions(name="prefix"), steps=10)
    assert caught.value.faults[0].field == "method.name"


def test_modules_that_cannot_be_adapted_are_refused() -> None:
    with pytest.raises(InvalidInput, match="can't be adapted there") as caught:
        adapt(mamba(), MethodOptions(name="lora", targets=["out_proj"]), steps=10)
    assert caught.value.faults[0].field == "method.targets"
