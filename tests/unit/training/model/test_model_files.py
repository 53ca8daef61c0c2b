"""Files of base models that are damaged, named before anything is loaded."""

import json
from pathlib import Path

import pytest

from app.training.model.model_files import faults_of_files
from tests.unit.training.tiny_models import tiny_llama, tiny_tokenizer

pytestmark = pytest.mark.torch
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
INDEX = "model.safetensors.index.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny_llama().save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    return tmp_path


def words(folder: Path) -> list[str]:
    found = faults_of_files(folder)
    assert all(fault.field == "base_model" for fault in found)
    return [fault.message for fault in found]


def test_of_a_sound_model_nothing_is_wrong(folder: Path) -> None:
    assert words(folder) == []


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_git_lfs_pointer_is_named(folder: Path, name: str) -> None:
    (folder / name).write_text(POINTER, encoding="utf-8")
    assert words(folder) == [f"{name} is a Git LFS pointer; run `git lfs pull` in the folder"]


def test_empty_files_are_named(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"")
    assert words(folder) == ["model.safetensors is empty; copy or download it again"]


@pytest.mark.parametrize("share", [0.001, 0.5, 0.999])
def test_truncated_weights_are_named(folder: Path, share: float) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: int(len(whole) * share)])
    [text] = words(folder)
    assert text.startswith("model.safetensors is damaged or incomplete (")
    assert text.endswith("); copy or download it again")


def test_a_missing_part_of_the_weights_is_named(folder: Path) -> None:
    parts = {"a": "model.safetensors", "b": "model-00002.safetensors"}
    (folder / INDEX).write_text(json.dumps({"weight_map": parts}), encoding="utf-8")
    text = f"model-00002.safetensors is missing, which {INDEX} names; copy or download it"
    assert words(folder) == [text]
    for broken in ("[]", "{", '{"weight_map": 1}'):
        (folder / INDEX).write_text(broken, encoding="utf-8")
        assert words(folder) == []
