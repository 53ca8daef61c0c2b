"""All figures of a made-up evaluation as recorded, to nine digits.

After a wanted change, renew the file and read its difference:

    SEEDBED_RENEW_GOLDEN=1 pytest tests/unit/evaluation/test_recorded_evaluation.py
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from app.evaluation.evaluate import ScoringOptions
from app.evaluation.evaluation_result import BootstrapOptions
from app.evaluation.intervals import Bootstrap
from tests.unit.evaluation.making import full

GOLDEN = Path(__file__).parent / "golden" / "full.json"


def rounded(value: Any) -> Any:
    """Return parts of JSON with their numbers to nine digits, which every machine computes."""
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def test_every_figure_is_as_recorded() -> None:
    found = full().model_dump(mode="json", exclude={"training", "words"})
    text = json.dumps(rounded(found), indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("SEEDBED_RENEW_GOLDEN") == "1":
        GOLDEN.write_text(text, "utf-8")
        pytest.fail("the file is renewed: read the difference, then run again")
    assert text == GOLDEN.read_text("utf-8")


def test_intervals_have_a_level_resamples_and_a_seed_by_default() -> None:
    assert (Bootstrap().level, Bootstrap().resamples, Bootstrap().seed) == (0.95, 2000, 0)
    assert BootstrapOptions() == BootstrapOptions(level=0.95, resamples=2000, seed=0)
    options = ScoringOptions("t")
    assert options.bootstrap == Bootstrap()
    assert (options.tokenizers, options.loss_of, options.made_at) == (
        ("rouge", "unicode"), "token", "",
    )  # fmt: skip
