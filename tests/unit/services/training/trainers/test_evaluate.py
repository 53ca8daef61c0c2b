"""A model measured where there is little memory."""

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

from app.errors import MemoryTooSmall
from app.evaluation.answers import HeldOutTask

if find_spec("peft") is None or find_spec("bitsandbytes") is None:
    pytest.skip("needs the extras 'training' and 'qlora'", allow_module_level=True)
os.environ.setdefault("OMP_NUM_THREADS", "1")

from app.services.training.trainers.evaluate import EvaluationPlan, evaluate_models
from app.training.model.base_models import load_for_inference
from app.training.model.device import Device
from app.training.plain.option_groups import DataOptions, EvaluationOptions
from tests.unit.services.training.trainers.monitors import Watching
from tests.unit.training.tiny_models import spelling, tiny_llama, tiny_tokenizer

pytestmark = pytest.mark.torch


def measuring_in(folder: Path, limit_bytes: int, *, was_in_four_bits: bool) -> EvaluationPlan:
    return EvaluationPlan(
        base_model=str(folder),
        tuned=None,
        tasks=[HeldOutTask(str(number), row) for number, row in enumerate(spelling(4))],
        general=(),
        data=DataOptions(),
        options=EvaluationOptions(answer_tokens=2),
        seed=0,
        cache=folder,
        device=Device(limit_bytes=limit_bytes),
        was_in_four_bits=was_in_four_bits,
    )


def test_what_was_tuned_in_four_bits_is_measured_so_where_it_does_not_fit_in_full(
    tmp_path: Path,
) -> None:
    tiny_llama().save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    most = load_for_inference(str(tmp_path), tmp_path, Device(), in_four_bits=True).memory.total
    monitor = Watching()

    found = evaluate_models(measuring_in(tmp_path, most, was_in_four_bits=True), "t", None, monitor)

    assert found is not None
    assert found[0].tasks == 4
    assert any("is evaluated in 4 bits" in line for line in monitor.lines)
    with pytest.raises(MemoryTooSmall):
        evaluate_models(measuring_in(tmp_path, most, was_in_four_bits=False), "t", None, Watching())
