"""Base models: found, weighed before they are loaded, and refused with a reason."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from app.errors import ConfigurationError, InvalidInput, MemoryTooSmall
from app.training.job import Job, run_job
from app.training.learn.loop import TrainingHooks
from app.training.model.base_models import (
    Head,
    check_memory,
    load_for_inference,
    load_for_training,
    parameter_count,
)
from app.training.model.device import Device
from app.training.model.memory import available_bytes, estimate_memory, uses_gradient_checkpointing
from app.training.model.quantization import quantization_config
from app.training.plain.option_groups import MethodOptions, ScheduleOptions
from app.training.plain.options import TrainingOptions
from app.training.publish.adapter_folder import load_adapter
from app.training.publish.export import write_merged
from tests.unit.training.tiny_models import spelling, tiny_llama, tiny_tokenizer
from tests.unit.training.tiny_training import options_for, tuned

pytestmark = pytest.mark.torch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny_llama().save_pretrained(tmp_path / "tiny")
    tiny_tokenizer().save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


def test_a_folder_is_loaded_with_its_tokenizer(folder: Path, tmp_path: Path) -> None:
    loaded = load_for_training(TrainingOptions(base_model=str(folder)), tmp_path, Device())

    assert loaded.name == str(folder)
    assert loaded.tokenizer.eos_token_id == 1
    assert sum(p.numel() for p in loaded.model.parameters()) == loaded.memory.parameters


def test_parameters_are_counted_without_loading_any(folder: Path) -> None:
    config = AutoConfig.from_pretrained(folder)

    assert parameter_count(config) == sum(p.numel() for p in tiny_llama().parameters())


def test_an_unknown_model_is_refused_and_what_there_is_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        load_for_training(TrainingOptions(base_model=str(tmp_path / "none")), tmp_path, Device())

    assert "'embedded'" in str(caught.value.faults[-1])
    assert all(fault.field == "base_model" for fault in caught.value.faults)


def test_a_folder_without_weights_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "model.safetensors").unlink()

    with pytest.raises(InvalidInput, match="cannot be loaded"):
        load_for_training(TrainingOptions(base_model=str(folder)), tmp_path, Device())


def test_what_would_not_fit_is_refused_with_the_numbers() -> None:
    config = AutoConfig.for_model(
        "llama", hidden_size=4096, intermediate_size=11008, num_hidden_layers=32, vocab_size=32000
    )
    parameters = parameter_count(config)
    full = TrainingOptions(method=MethodOptions(name="full"))

    memory = estimate_memory(config, parameters, full, weight_bytes=4)

    assert 6.7e9 < parameters < 8.2e9
    assert memory.weights + memory.optimizer == parameters * 16
    with pytest.raises(MemoryTooSmall, match=r"needs about 1\d\d\.\d GiB .* 16\.0 GiB are free"):
        check_memory(memory, 16 * 2**30, "llama-7b")


def test_what_is_too_big_is_refused_before_a_weight_is_loaded(folder: Path, tmp_path: Path) -> None:
    # There are no weights at all: looking for them would fail.
    (folder / "model.safetensors").unlink()
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {"hidden_size": 65536, "intermediate_size": 262144, "num_hidden_layers": 60}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")

    reported = r"about 1\d{4}\.\d GiB .* GiB are free"
    with pytest.raises(MemoryTooSmall, match=reported):
        load_for_training(TrainingOptions(base_model=str(folder)), tmp_path, Device())
    with pytest.raises(MemoryTooSmall, match=reported):
        load_for_inference(str(folder), tmp_path, Device())


def test_a_model_to_answer_is_the_one_in_the_folder_and_draws_nothing(folder: Path) -> None:
    loaded = load_for_inference(str(folder), folder, Device())

    assert not loaded.model.training
    assert loaded.memory.optimizer == loaded.memory.activations == 0
    expected = tiny_llama().state_dict()
    assert all(torch.equal(w, expected[name]) for name, w in loaded.model.state_dict().items())


def test_a_model_to_answer_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be loaded"):
        load_for_inference(str(tmp_path / "none"), tmp_path, Device())


def test_an_adapter_takes_less_than_full_tuning_and_four_bits_less_than_that() -> None:
    config = AutoConfig.for_model("llama")
    totals = [
        estimate_memory(
            config, 7 * 10**9, TrainingOptions(method=MethodOptions(name=name)), weight_bytes=2
        ).total
        for name in ("full", "lora", "qlora")
    ]

    assert totals == sorted(totals, reverse=True)


def test_the_free_memory_of_this_machine_is_known() -> None:
    assert 2**26 < available_bytes("cpu") < 2**50


def test_qlora_without_bitsandbytes_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    # How Python marks what cannot be imported.
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'seedbed\[qlora\]'"):
        quantization_config("cpu", torch.float32)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="needs the extra 'qlora'")
def test_qlora_on_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"cannot quantize to 4 bits .*\(cuda\)"):
        quantization_config("cuda", torch.float32)


@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="needs the extra 'qlora'")
def test_qlora_tunes_a_model_that_is_held_in_four_bits(folder: Path, tmp_path: Path) -> None:
    options = options_for("qlora").model_copy(update={"base_model": str(folder)})
    loaded = load_for_training(options, tmp_path, Device())

    adapted, outcome = tuned(options, tmp_path / "checkpoints", model=loaded.model)

    assert adapted.parameters.total > adapted.parameters.tuned > 0
    assert outcome.losses[-1] < outcome.losses[0]


class LoaderWithAvx512:
    """Loads models as on a processor with AVX512-BF16, where bitsandbytes repacks weights."""

    from_config = AutoModelForCausalLM.from_config

    @staticmethod
    def from_pretrained(*args: Any, **options: Any) -> Any:
        model, report = AutoModelForCausalLM.from_pretrained(*args, **options)
        for layer in quantized_layers(model):
            layer.support_avx512bf16_for_cpu = True
        return model, report


def quantized_layers(model: Any) -> list[Any]:
    return [one for one in model.modules() if type(one).__name__ == "Linear4bit"]


@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="needs the extra 'qlora'")
def test_no_layer_in_four_bits_repacks_its_weights(folder: Path, tmp_path: Path) -> None:
    options = options_for("qlora").model_copy(update={"base_model": str(folder)})
    head = Head(LoaderWithAvx512, "CAUSAL_LM")
    for model in (
        load_for_training(options, tmp_path, Device(), head).model,
        load_for_inference(str(folder), tmp_path, Device(), head, in_four_bits=True).model,
    ):
        assert {layer.support_avx512bf16_for_cpu for layer in quantized_layers(model)} == {False}


@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="needs the extra 'qlora'")
def test_what_qlora_tuned_reads_back_on_four_bits_and_merges_into_full_weights(
    folder: Path, tmp_path: Path
) -> None:
    options = options_for("qlora").model_copy(update={"base_model": str(folder)})
    target, ids = tmp_path / "adapter", torch.arange(6, 40)[None]
    run_job(Job(options, spelling(8), tmp_path / "c", target, tmp_path, Device()), TrainingHooks())

    four = load_adapter(load_for_training(options, tmp_path, Device()).model, target)
    full = load_adapter(load_for_inference(str(folder), tmp_path, Device()).model, target)
    assert write_merged(target, tmp_path / "merged", tmp_path, Device()) is None
    whole = load_for_inference(str(tmp_path / "merged"), tmp_path, Device()).model

    with torch.no_grad():
        reported, same, near = (model(input_ids=ids).logits for model in (full, whole, four))
    assert float((same - reported).abs().max()) < 1e-3
    # Four bits are near the weights they stand for, and not the same.
    assert 1e-6 < float((near - reported).abs().mean()) < 0.1


def test_rows_longer_than_the_model_has_places_for_are_refused(
    folder: Path, tmp_path: Path
) -> None:
    def loaded(most: int, **method: object) -> object:
        values = {"base_model": str(folder), "data": {"max_tokens": most}, "method": method}
        return load_for_training(TrainingOptions.model_validate(values), tmp_path, Device())

    assert loaded(1024)
    for most, method, reported in (
        (1025, {}, "the context of the model is 1024 tokens"),
        (1010, {"name": "prefix"}, "1024 tokens, minus 20 for the prefix"),
    ):
        with pytest.raises(InvalidInput, match="max_tokens is too large") as caught:
            loaded(most, **method)
        assert str(caught.value.faults[0]).startswith("data.max_tokens: ")
        assert reported in str(caught.value.faults[0])


def test_a_model_that_was_not_made_to_write_is_refused(tmp_path: Path) -> None:
    llama = tiny_llama()
    llama.model.save_pretrained(tmp_path / "headless")
    tiny_tokenizer().save_pretrained(tmp_path / "headless")

    with pytest.raises(InvalidInput) as caught:
        load_for_inference(str(tmp_path / "headless"), tmp_path, Device())

    assert "no weights for lm_head" in str(caught.value.faults[0])


def test_inner_values_are_computed_anew_where_that_is_wished(folder: Path, tmp_path: Path) -> None:
    kept, anew = (
        load_for_training(
            TrainingOptions(base_model=str(folder), schedule=ScheduleOptions(recompute=recompute)),
            tmp_path,
            Device(),
        )
        for recompute in (None, True)
    )

    assert not kept.model.is_gradient_checkpointing
    assert anew.model.is_gradient_checkpointing
    assert anew.memory.activations < kept.memory.activations


def test_qlora_computes_anew_on_a_gpu_unless_told_otherwise() -> None:
    qlora = TrainingOptions(method=MethodOptions(name="qlora"))
    reported = qlora.model_copy(update={"schedule": ScheduleOptions(recompute=False)})

    assert uses_gradient_checkpointing(qlora, "cuda")
    assert not uses_gradient_checkpointing(qlora, "cpu")
    assert not uses_gradient_checkpointing(reported, "cuda")
    assert not uses_gradient_checkpointing(TrainingOptions(), "cuda")


def test_embeddings_are_not_held_in_four_bits() -> None:
    # As Llama 3.2's with a billion parameters, of which the embeddings are a fifth.
    config = AutoConfig.for_model(
        "llama", hidden_size=2048, intermediate_size=8192, num_hidden_layers=16,
        vocab_size=128256, num_attention_heads=32, num_key_value_heads=8, tie_word_embeddings=True,
    )  # fmt: skip
    parameters = parameter_count(config)
    qlora = TrainingOptions(method=MethodOptions(name="qlora"))

    memory = estimate_memory(config, parameters, qlora, weight_bytes=2)

    embeddings = 2048 * 128256
    assert memory.weights == pytest.approx(
        embeddings * 4 + (parameters - embeddings) * 0.53, rel=1e-6
    )


@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="needs the extra 'qlora'")
def test_a_model_to_answer_can_be_held_in_four_bits(folder: Path, tmp_path: Path) -> None:
    whole, four = (
        load_for_inference(str(folder), tmp_path, Device(), in_four_bits=bits)
        for bits in (False, True)
    )

    assert four.model.is_loaded_in_4bit
    assert not four.model.training
    assert four.memory.weights < whole.memory.weights


def test_a_place_may_have_less_memory_than_is_free(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(MemoryTooSmall, match=r"0\.1 GiB are free"):
        load_for_inference(str(folder), tmp_path, Device(limit_bytes=2**27))


def test_what_is_too_big_to_be_merged_stays_an_adapter(folder: Path, tmp_path: Path) -> None:
    options = options_for().model_copy(update={"base_model": str(folder)})
    target = tmp_path / "adapter"
    run_job(Job(options, spelling(8), tmp_path / "c", target, tmp_path, Device()), TrainingHooks())

    why_not = write_merged(target, tmp_path / "merged", tmp_path, Device(limit_bytes=2**27))

    assert why_not is not None
    assert "0.1 GiB are free" in why_not
    assert not (tmp_path / "merged").exists()
