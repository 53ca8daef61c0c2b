"""All figures of a made-up evaluation as recorded, to nine digits.

After a wanted change, renew the file and read its difference:

    SEEDBED_RENEW_GOLDEN=1 pytest tests/unit/evaluation/test_recorded_evaluation.py
"""

from pathlib import Path
from typing import Any

from app.evaluation.evaluate import ScoringOptions
from app.evaluation.evaluation_result import BootstrapOptions
from app.evaluation.intervals import Bootstrap
from tests.golden import check_golden_json
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
    check_golden_json(GOLDEN, rounded(found))


def test_intervals_have_a_level_resamples_and_a_seed_by_default() -> None:
    assert (Bootstrap().level, Bootstrap().resamples, Bootstrap().seed) == (0.95, 2000, 0)
    assert BootstrapOptions() == BootstrapOptions(level=0.95, resamples=2000, seed=0)
    options = ScoringOptions("t")
    assert options.bootstrap == Bootstrap()
    assert (options.tokenizers, options.loss_of, options.made_at) == (
        ("rouge", "unicode"), "token", "",
    )  # fmt: skip
