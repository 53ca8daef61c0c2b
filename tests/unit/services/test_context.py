"""The context that the settings ask for."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.errors import ConfigurationError
from app.formats.limits import DEFAULT_LIMITS, SETTINGS
from app.services.context import HUB_URL, OPENAI_BASE_URL, ServiceContext, open_service_context
from app.settings import Settings
from app.stack.environment import variable_names


def context(tmp_path: Path, **values: Any) -> ServiceContext:
    given = {"data_dir": tmp_path, "database_url": f"sqlite:///{tmp_path / 'seedbed.db'}"}
    return open_service_context(Settings(_env_file=None, **{**given, **values}))


def test_one_endpoint_stands_for_the_settings_without_a_name(tmp_path: Path) -> None:
    found = context(tmp_path, model="m", requests_per_minute=60, tokens_per_minute=900)
    (endpoint,) = found.endpoints
    assert (endpoint.name, endpoint.requests_per_minute, endpoint.tokens_per_minute) == (
        "default", 60, 900,
    )  # fmt: skip
    assert found.default_model == "m"
    assert found.files_dir == tmp_path.resolve() / "files"
    assert (found.hub_url, found.hub_token, found.training_webhook) == (HUB_URL, None, None)
    assert OPENAI_BASE_URL.startswith("https://")
    found.close()


def test_named_endpoints_take_its_place(tmp_path: Path) -> None:
    endpoints = [
        {"name": "big", "base_url": "http://big/v1", "weight": 3.0, "api_key": "sk-1"},
        {"name": "small", "base_url": "http://small/v1", "requests_per_minute": 5},
    ]
    found = context(tmp_path, endpoints=endpoints)
    assert [(each.name, each.weight) for each in found.endpoints] == [("big", 3.0), ("small", 1.0)]
    assert found.endpoints[1].requests_per_minute == 5
    assert found.endpoints[0].batches_for is not None
    assert found.endpoints[0].batches_for("m") is not None
    found.close()


def test_the_embedded_model_is_the_default_unless_an_endpoint_is_named(tmp_path: Path) -> None:
    alone = context(tmp_path)
    elsewhere = context(tmp_path, openai_base_url="http://elsewhere/v1")
    assert alone.default_model == "smollm2-135m-instruct"
    assert elsewhere.default_model is None
    alone.close()
    elsewhere.close()


@pytest.mark.parametrize(("secret", "expected"), [(None, None), ("whsec_1", "whsec_1")])
def test_a_webhook_and_a_token_are_secrets_that_no_text_shows(
    tmp_path: Path, secret: str | None, expected: str | None
) -> None:
    found = context(
        tmp_path,
        training_webhook_url="http://hook/",
        training_webhook_secret=secret,
        hub_token="hf_1",
        hub_url="http://hub",
    )
    hook = found.training_webhook
    assert hook is not None
    assert (hook.url, hook.secret) == ("http://hook/", expected)
    assert "whsec_1" not in repr(hook)
    assert (found.hub_token, found.hub_url) == ("hf_1", "http://hub")
    found.close()


def test_further_fields_of_calls_are_checked(tmp_path: Path) -> None:
    found = context(tmp_path, extra_body={"user": "us"}, extra_headers={"X-Title": "Seedbed"})
    assert found.extra_body == {"user": "us"}
    found.close()
    with pytest.raises(ConfigurationError, match="SEEDBED_EXTRA_BODY: model can't be set"):
        context(tmp_path, extra_body={"model": "m"})


def test_the_limits_of_imports_are_the_settings(tmp_path: Path) -> None:
    found = context(tmp_path)
    assert found.read_limits == DEFAULT_LIMITS
    assert found.import_max_bytes == 4096 * 1024 * 1024
    found.close()
    names = set(variable_names().values())
    for limit, setting in SETTINGS.items():
        assert setting in names
        field = setting.removeprefix("SEEDBED_").lower()
        changed = context(tmp_path, **{field: 7})
        unit = 1024 * 1024 if setting.endswith("_MIB") else 1
        assert changed.read_limits == replace(DEFAULT_LIMITS, **{limit: 7 * unit})
        changed.close()
