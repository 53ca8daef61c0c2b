"""What is made of an adapter: a merged folder answers as the adapter does."""

import json
from dataclasses import replace
from pathlib import Path

import gguf
import pytest
import torch

from app.dataset_row import Record
from app.training.job import Job, run_job
from app.training.learn.classifier import Classifier, classify
from app.training.learn.loop import TrainingHooks
from app.training.model.base_models import classification_head, load_for_inference
from app.training.model.device import Device
from app.training.plain.library_types import Model
from app.training.plain.option_groups import MethodName
from app.training.plain.options import TrainingOptions
from app.training.publish.adapter_folder import load_adapter, verify_checksums
from app.training.publish.export import write_gguf, write_merged
from tests.unit.training.tiny_models import spelling, tiny_llama, tiny_roberta, tiny_tokenizer

pytestmark = pytest.mark.torch

IDS = torch.arange(6, 40)[None]
HERE = Device()


def logits(model: Model) -> torch.Tensor:
    with torch.no_grad():
        reported: torch.Tensor = model(input_ids=IDS).logits
    return reported


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    tiny_llama().save_pretrained(tmp_path / "tiny")
    tiny_tokenizer().save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


def adapter_of(tiny: Path, name: MethodName) -> Job:
    options = TrainingOptions.model_validate(
        {
            "base_model": str(tiny),
            "method": {"name": name},
            "schedule": {"steps": 6, "batch": 4, "learning_rate": 2e-2},
        }
    )
    root = tiny.parent
    job = Job(options, spelling(8), root / "checkpoints", root / "adapter", root, HERE)
    run_job(job, TrainingHooks())
    return job


@pytest.mark.parametrize("name", ["lora", "dora", "adalora", "ia3"])
def test_a_merged_folder_answers_as_the_adapter_does(name: MethodName, tiny: Path) -> None:
    job, target = adapter_of(tiny, name), tiny.parent / "merged"

    why_not = write_merged(job.target, target, tiny.parent, HERE)

    assert why_not is None
    verify_checksums(target)
    base = load_for_inference(str(tiny), tiny.parent, HERE).model
    before = logits(base)
    tuned = logits(load_adapter(base, job.target))
    merged = logits(load_for_inference(str(target), tiny.parent, HERE).model)
    assert float((merged - tuned).abs().max()) < 1e-3 < float((merged - before).abs().max())


def test_what_is_merged_already_is_left_as_it_is(tiny: Path) -> None:
    job, target = adapter_of(tiny, "lora"), tiny.parent / "merged"
    write_merged(job.target, target, tiny.parent, HERE)
    held = {path.name: path.stat().st_mtime_ns for path in target.iterdir()}

    assert write_merged(job.target, target, tiny.parent, HERE) is None

    assert {path.name: path.stat().st_mtime_ns for path in target.iterdir()} == held


@pytest.mark.parametrize("name", ["prefix", "bottleneck"])
def test_some_adapters_have_no_other_forms_and_it_is_said_why(name: MethodName, tiny: Path) -> None:
    job = adapter_of(tiny, name)

    merged = write_merged(job.target, tiny.parent / "merged", tiny.parent, HERE)
    file = write_gguf(job.target, tiny.parent / "adapter.gguf", tiny.parent)

    assert merged == f"an adapter of the method {name} cannot be merged"
    assert file == "only lora, rslora and qlora adapters can be converted"
    assert not list(tiny.parent.glob("*merged*")) + list(tiny.parent.glob("*.gguf*"))


def test_llama_cpp_gets_a_file_once(tiny: Path) -> None:
    job, file = adapter_of(tiny, "lora"), tiny.parent / "adapter.gguf"

    assert write_gguf(job.target, file, tiny.parent) is None
    written = file.stat().st_mtime_ns
    assert write_gguf(job.target, file, tiny.parent) is None

    assert file.stat().st_mtime_ns == written
    assert {one.name for one in gguf.GGUFReader(file).tensors} >= {"blk.0.attn_q.weight.lora_a"}


def test_a_merged_encoder_tells_labels_as_the_adapter_does(tmp_path: Path) -> None:
    tiny_roberta().save_pretrained(tmp_path / "tiny")
    tiny_tokenizer().save_pretrained(tmp_path / "tiny")
    options = TrainingOptions.model_validate(
        {
            "base_model": str(tmp_path / "tiny"),
            "task": "labels",
            "schedule": {"steps": 6, "batch": 4, "learning_rate": 2e-2},
        }
    )
    records = [Record("ab"[number % 2] * 5, "ab"[number % 2]) for number in range(8)]
    job = Job(options, records, tmp_path / "checkpoints", tmp_path / "adapter", tmp_path, HERE)
    record = run_job(job, TrainingHooks()).record
    assert record is not None
    labels = list(record["labels"])

    why_not = write_merged(job.target, tmp_path / "merged", tmp_path, HERE)
    file = write_gguf(job.target, tmp_path / "adapter.gguf", tmp_path)

    assert (why_not, file) == (None, "llama.cpp does not support classifiers")
    loaded, merged = (
        load_for_inference(str(tmp_path / name), tmp_path, HERE, classification_head(labels))
        for name in ("tiny", "merged")
    )
    adapted = replace(loaded, model=load_adapter(loaded.model, job.target))
    texts = [record.request for record in records]
    one, other = (
        classify(Classifier(m.model, m.tokenizer, tuple(labels)), texts, options.data)
        for m in (adapted, merged)
    )
    for row, its in zip(one, other, strict=True):
        assert row == pytest.approx(its, abs=1e-3)
    config = json.loads((tmp_path / "merged" / "config.json").read_text(encoding="utf-8"))
    assert config["id2label"] == {"0": "a", "1": "b"}
