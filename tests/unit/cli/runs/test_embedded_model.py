"""What `seedbed run` asks of the embedded model, and of no other."""

from app.cli.runs.embedded_model import SUITED_OPTIONS, suited
from app.pipeline.options import RunOptions
from app.settings import EMBEDDED_MODEL


def test_the_suited_options_are_options() -> None:
    assert RunOptions.model_validate(SUITED_OPTIONS).instances_per_instruction == 1


def test_an_endpoint_is_asked_with_the_defaults() -> None:
    assert suited({"target": 5}, "a-model-of-an-endpoint") == {"target": 5}
    assert suited({"target": 5}, None) == {"target": 5}


def test_what_the_user_says_wins() -> None:
    assert suited({"lookahead": 9}, EMBEDDED_MODEL)["lookahead"] == 9


def test_the_other_profiles_keep_their_own_numbers() -> None:
    assert suited({"profile": "paper"}, EMBEDDED_MODEL) == {"profile": "paper"}
