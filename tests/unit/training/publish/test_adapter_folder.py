"""What tuning made is saved whole, read back the same, and merged."""

import json
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from transformers import AutoModelForCausalLM

from app.errors import Conflict, InvalidInput
from app.training.plain.library_types import Model
from app.training.plain.option_groups import MethodName
from app.training.plain.training_record import TrainingRecord
from app.training.publish.adapter_folder import (
    load_adapter,
    merge_adapter,
    save_tuned,
    training_record,
    verify_checksums,
)
from tests.unit.training.tiny_models import tiny_gpt2, tiny_llama, tiny_tokenizer
from tests.unit.training.tiny_training import options_for, packs_for, tuned

pytestmark = pytest.mark.torch

IDS = torch.arange(6, 40)[None]
ADAPTERS: list[MethodName] = ["lora", "rslora", "dora", "adalora", "prefix", "ia3", "bottleneck"]

EMPTY = cast("TrainingRecord", {})  # is not read


def logits(model: Model) -> torch.Tensor:
    with torch.no_grad():
        reported: torch.Tensor = model.eval()(input_ids=IDS).logits
    return reported


def saved(name: MethodName, folder: Path, make: Any = tiny_llama, steps: int = 5) -> Model:
    options = options_for(name, steps=steps)
    adapted, outcome = tuned(options, folder / "checkpoints", model=make())
    facts = training_record(adapted, options, outcome, packs_for(options)[1])
    save_tuned(folder / "adapter", adapted.model, tiny_tokenizer(), facts)
    return adapted.model


@pytest.mark.parametrize("make", [tiny_llama, tiny_gpt2])
@pytest.mark.parametrize("name", ADAPTERS)
def test_a_saved_adapter_answers_as_before(name: MethodName, make: Any, tmp_path: Path) -> None:
    model = saved(name, tmp_path, make)

    again = load_adapter(make(), tmp_path / "adapter")

    assert not torch.equal(logits(make()), logits(model))
    if name == "adalora":
        # Directions that were taken away are not saved, and sums without their zeros round anew.
        assert torch.allclose(logits(again), logits(model), atol=1e-6)
    else:
        assert torch.equal(logits(again), logits(model))


def test_a_fully_tuned_model_answers_as_before(tmp_path: Path) -> None:
    model = saved("full", tmp_path)

    again = AutoModelForCausalLM.from_pretrained(tmp_path / "adapter")

    assert torch.equal(logits(again), logits(model))


@pytest.mark.parametrize("name", ["lora", "rslora", "dora", "adalora", "ia3"])
def test_merged_weights_answer_within_a_thousandth(name: MethodName, tmp_path: Path) -> None:
    model = saved(name, tmp_path)
    before = logits(model)

    whole = merge_adapter(model)
    whole.save_pretrained(tmp_path / "merged")
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")

    assert float((logits(again) - before).abs().max()) < 1e-3
    assert sum(one.numel() for one in again.parameters()) == sum(
        one.numel() for one in tiny_llama().parameters()
    )


@pytest.mark.parametrize("name", ["prefix", "bottleneck"])
def test_some_adapters_cannot_be_merged(name: MethodName, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be merged"):
        merge_adapter(saved(name, tmp_path))


def test_the_card_and_the_facts_tell_how_it_was_made(tmp_path: Path) -> None:
    saved("adalora", tmp_path, steps=12)

    card = (tmp_path / "adapter" / "README.md").read_text(encoding="utf-8")
    facts = json.loads((tmp_path / "adapter" / "training.json").read_text(encoding="utf-8"))

    assert "| method | adalora |" in card
    assert "| rows | 8 of 8, 0 truncated |" in card
    assert "| model.layers.0.self_attn.q_proj |" in card
    assert len(facts["losses"]) == facts["steps"] == 12
    assert facts["ranks"].keys() == set(facts["targets"])


@pytest.mark.parametrize(
    ("name", "library"),
    [("lora", "peft"), ("bottleneck", "seedbed"), ("full", "transformers")],
)
def test_the_card_names_the_library_that_can_load_it(
    name: MethodName, library: str, tmp_path: Path
) -> None:
    saved(name, tmp_path, steps=1)

    card = (tmp_path / "adapter" / "README.md").read_text(encoding="utf-8")

    assert f"\nlibrary_name: {library}\n" in card
    assert ("peft alone cannot load this adapter" in card) == (library == "seedbed")


def test_what_was_changed_after_it_was_saved_is_reported_by_its_sum(tmp_path: Path) -> None:
    saved("lora", tmp_path)
    folder = tmp_path / "adapter"
    verify_checksums(folder)
    (folder / "training.json").unlink()
    with (folder / "adapter_config.json").open("a", encoding="utf-8") as file:
        file.write(" ")

    with pytest.raises(InvalidInput) as caught:
        load_adapter(tiny_llama(), folder)

    assert {str(fault) for fault in caught.value.faults} == {
        "adapter_config.json: has changed",
        "training.json: is missing",
    }


def test_an_adapter_of_another_model_is_refused(tmp_path: Path) -> None:
    saved("lora", tmp_path)

    with pytest.raises(InvalidInput, match="does not fit this base model"):
        load_adapter(tiny_gpt2(), tmp_path / "adapter")


def test_nothing_that_is_there_is_overwritten(tmp_path: Path) -> None:
    saved("lora", tmp_path)

    with pytest.raises(Conflict):
        save_tuned(tmp_path / "adapter", tiny_llama(), tiny_tokenizer(), EMPTY)

    verify_checksums(tmp_path / "adapter")
