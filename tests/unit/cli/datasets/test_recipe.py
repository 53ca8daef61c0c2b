"""The recipe of a data set."""

import json
from pathlib import Path

import pytest

from app.cli.datasets.recipe import recipe_of
from app.errors import InvalidInput


def test_sources_are_runs_or_data_sets_by_their_ids() -> None:
    assert recipe_of(None, ["run_1", "dataset_2"]) == {
        "sources": [{"run_id": "run_1"}, {"dataset_id": "dataset_2"}]
    }


def test_sources_are_added_to_those_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "recipe.json"
    file.write_text(json.dumps({"sources": [{"dataset_id": "d0"}], "licence": "mit"}))
    assert recipe_of(file, ["d1"]) == {
        "sources": [{"dataset_id": "d0"}, {"dataset_id": "d1"}],
        "licence": "mit",
    }


def test_a_recipe_without_sources_is_refused() -> None:
    with pytest.raises(InvalidInput, match="There are no sources"):
        recipe_of(None, [])


@pytest.mark.parametrize("content", ["[1]", "{", None])
def test_a_file_that_is_not_a_recipe_is_refused(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "recipe.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(InvalidInput, match=r"recipe\.json is not a recipe"):
        recipe_of(file, [])
