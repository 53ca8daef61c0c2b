"""Options of jobs: a file, overridden by what was typed."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.cli.training.options import EVALUATION, TRAINING, evaluation_options, training_options
from app.errors import InvalidInput


def file_of(folder: Path, content: object) -> Path:
    file = folder / "options.json"
    file.write_text(json.dumps(content))
    return file


def test_the_flags_that_users_know_stay() -> None:
    flags = {flag for option in TRAINING for flag in option.flags}
    known = "-r --alpha --base-model --batch --dropout --epochs --general --held-out"
    known += " --held-out-share --judge --judge-max-cost --judge-model --learning-rate --lr"
    known += " --max-tokens --merged --method --packing --rank --replay --replay-share"
    known += " --review-run --seed --steps --targets --task --tasks --template --where"
    assert set(known.split()) <= flags
    flags = {flag for option in EVALUATION for flag in option.flags}
    known = "--base-model --general --job --judge --judge-max-cost --judge-model --seed --tasks"
    assert set(known.split()) <= flags


def test_what_was_typed_overrides_the_file_and_set_overrides_both(tmp_path: Path) -> None:
    file = file_of(tmp_path, {"seed": 1, "method": {"rank": 1, "alpha": 1}})
    given = {"method.rank": 2, "seed": 2}
    assert training_options(file, given, ["seed=3"]) == {
        "seed": 3,
        "method": {"rank": 2, "alpha": 1},
    }


@pytest.mark.parametrize(
    ("content", "given", "share"),
    [
        ({}, {"data.replay_dataset_id": "d2"}, 0.1),
        ({"data": {"replay_share": 0.3}}, {"data.replay_dataset_id": "d2"}, 0.3),
        ({}, {"data.replay_dataset_id": "d2", "data.replay_share": 0.2}, 0.2),
        ({"data": {"replay_dataset_id": "d2"}}, {}, None),
    ],
)
def test_general_rows_get_the_usual_share(
    tmp_path: Path, content: object, given: dict[str, Any], share: float | None
) -> None:
    options = training_options(file_of(tmp_path, content), given)
    assert options["data"].get("replay_share") == share


def test_unknown_options_of_the_file_are_found(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as failure:
        training_options(file_of(tmp_path, {"method": {"rnak": 4}}), {})
    assert "did you mean method.rank?" in failure.value.faults[0].message
    with pytest.raises(InvalidInput):
        evaluation_options(file_of(tmp_path, {"method": {"rank": 4}}), {})


@pytest.mark.parametrize(("content", "message"), [("{", "cannot be read"), ("[1]", "JSON object")])
def test_a_file_that_is_not_a_json_object_is_refused(
    tmp_path: Path, content: str, message: str
) -> None:
    file = tmp_path / "options.json"
    file.write_text(content)
    with pytest.raises(InvalidInput, match=message):
        training_options(file, {})
