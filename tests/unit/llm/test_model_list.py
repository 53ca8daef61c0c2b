"""Lists of models as providers and servers send them."""

import pytest

from app.llm.model_list import ListedModel, read_models


@pytest.mark.parametrize(
    ("listed", "models"),
    [
        ({"object": "list", "data": [{"id": "gpt-x"}]}, [ListedModel("gpt-x")]),
        ({"data": [{"id": "q", "max_model_len": 4096}]}, [ListedModel("q", 4096)]),
        ({"data": [{"id": "l", "meta": {"n_ctx_train": 2048}}]}, [ListedModel("l", 2048)]),
        ({"data": [{"id": "a/b", "top_provider": {"context_length": 9}}]}, [ListedModel("a/b", 9)]),
        ({"models": [{"name": "models/gemini-x"}]}, [ListedModel("gemini-x")]),
        ([{"id": "m", "context_length": 0}], [ListedModel("m")]),
        ({"data": [None, {"id": 5}, {"id": "m"}]}, [ListedModel("m")]),
    ],
    ids=["OpenAI", "vLLM", "llama.cpp", "OpenRouter", "Gemini", "Together", "nonsense"],
)
def test_names_and_contexts_are_read(listed: object, models: list[ListedModel]) -> None:
    assert read_models(listed) == tuple(models)


@pytest.mark.parametrize("listed", [None, "ok", {"status": "ok"}, {"data": None}])
def test_what_is_no_list_is_none(listed: object) -> None:
    assert read_models(listed) is None
