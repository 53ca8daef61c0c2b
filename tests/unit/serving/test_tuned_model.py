"""Finding what was tuned, whichever folder is named."""

import json
from pathlib import Path

import pytest

from app.errors import InvalidInput
from app.serving.open_answerer import choose_engine
from app.serving.tuned_model import TunedModel, find_tuned
from app.training.plain.option_groups import MethodOptions
from app.training.plain.options import TrainingOptions


def put(adapter: Path, options: TrainingOptions | None = None) -> None:
    adapter.mkdir(parents=True)
    facts = {"options": (options or TrainingOptions()).model_dump(mode="json")}
    (adapter / "training.json").write_text(json.dumps(facts))
    (adapter / "adapter_config.json").write_text("{}")


def found(folder: Path) -> TunedModel:
    return find_tuned(folder, "x", folder)


@pytest.mark.parametrize("named", [".", "outputs", "outputs/adapter"])
def test_a_jobs_adapter_is_found_from_its_folder_on(named: str, tmp_path: Path) -> None:
    put(tmp_path / "outputs" / "adapter")
    (tmp_path / "outputs" / "adapter.gguf").touch()
    tuned = found(tmp_path / named)
    assert tuned.folder == tmp_path / "outputs" / "adapter"
    assert tuned.gguf == tmp_path / "outputs" / "adapter.gguf"
    assert tuned.options == TrainingOptions()


def test_weights_that_were_tuned_in_full_are_found(tmp_path: Path) -> None:
    put(tmp_path / "model", TrainingOptions(method=MethodOptions(name="full")))
    (tmp_path / "model" / "adapter_config.json").unlink()
    (tmp_path / "adapter.gguf").touch()
    tuned = found(tmp_path)
    assert (tuned.folder, tuned.gguf) == (tmp_path / "model", None)


def test_where_nothing_is_the_places_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        found(tmp_path)
    assert "no training.json in it, nor in its adapter, model" in str(caught.value.faults[0])


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"options": {"base_model": 1}}'])
def test_facts_that_say_nothing_are_refused(text: str, tmp_path: Path) -> None:
    put(tmp_path / "adapter")
    (tmp_path / "adapter" / "training.json").write_text(text)
    with pytest.raises(InvalidInput, match="has no valid training options"):
        found(tmp_path)


def test_only_adapters_of_the_embedded_model_are_for_llama_cpp(tmp_path: Path) -> None:
    put(tmp_path / "adapter", TrainingOptions(base_model="somebody/else"))
    (tmp_path / "adapter.gguf").touch()
    assert choose_engine(found(tmp_path), "auto") == "torch"
    with pytest.raises(InvalidInput, match="not the embedded one"):
        choose_engine(found(tmp_path), "llama.cpp")


def test_what_tells_labels_is_not_served(tmp_path: Path) -> None:
    put(tmp_path / "adapter", TrainingOptions(base_model="tiny", task="labels"))
    with pytest.raises(InvalidInput, match="x is a classifier"):
        found(tmp_path)
