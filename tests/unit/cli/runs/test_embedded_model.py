"""What `seedbed run` asks of the embedded model, and of no other."""

from app.cli.runs.embedded_model import EMBEDDED_OPTIONS, with_embedded_options
from app.pipeline.options import RunOptions
from app.settings import EMBEDDED_MODEL


def test_the_suited_options_are_options() -> None:
    assert RunOptions.model_validate(EMBEDDED_OPTIONS).instances_per_instruction == 1


def test_an_endpoint_is_asked_with_the_defaults() -> None:
    assert with_embedded_options({"target": 5}, "a-model-of-an-endpoint") == {"target": 5}
    assert with_embedded_options({"target": 5}, None) == {"target": 5}


def test_what_the_user_says_wins() -> None:
    assert with_embedded_options({"lookahead": 9}, EMBEDDED_MODEL)["lookahead"] == 9


def test_the_other_profiles_keep_their_own_numbers() -> None:
    assert with_embedded_options({"profile": "paper"}, EMBEDDED_MODEL) == {"profile": "paper"}
