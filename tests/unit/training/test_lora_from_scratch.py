"""The example that explains LoRA gives what peft gives, and the documentation quotes it."""

import inspect
from pathlib import Path

import pytest
import torch

from examples import lora_from_scratch
from examples.lora_from_scratch import BruteForce, compare, difference, example, models

pytestmark = pytest.mark.torch

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("name", ["tiny RoBERTa", "tiny Llama"])
def test_both_ways_by_hand_give_what_peft_gives(name: str) -> None:
    differences = compare(*example(name))

    assert differences.pop("learnt") > 1e-3
    assert list(differences) == ["before", "gradients", "trained", "merged"]
    assert differences.pop("before") == 0.0
    assert max(differences.values()) < 1e-6


def test_a_difference_is_noticed() -> None:
    base, batch = example("tiny Llama")
    theirs, brute, _ = models(base)
    assert difference([theirs, brute], batch) == 0.0

    brute.b[0].data += 1e-3

    assert difference([theirs, brute], batch) > 1e-6


def test_a_model_is_read_from_a_folder(tmp_path: Path) -> None:
    model, _ = example("tiny Llama")
    model.save_pretrained(tmp_path / "model")

    again, batch = example(str(tmp_path / "model"))

    assert len(BruteForce(again).names) == 4
    assert next(again.parameters()).dtype == torch.float64
    assert max(v for k, v in compare(again, batch).items() if k != "learnt") < 1e-6


def test_the_documentation_quotes_it() -> None:
    source = inspect.getsource(lora_from_scratch)
    assert len(source.splitlines()) < 150
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    quoted = text.split("### LoRA by hand")[1].split("### ")[0].split("```python\n")[1:]
    lines = [line for part in quoted for line in part.split("```")[0].splitlines()]
    assert len(lines) == 3
    assert all(f"{line.removeprefix('return ')}\n" in source for line in lines)
