"""The settings: names, defaults, limits, and what follows from them."""

from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from app.settings import EMBEDDED_MODEL, EndpointSettings, Price, Settings
from tests.golden import check_golden_json, without_texts


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_settings_have_the_agreed_names_defaults_and_limits() -> None:
    found = without_texts(Settings.model_json_schema(mode="serialization"))
    check_golden_json(Path(__file__).with_name("settings.json"), found)
    assert EMBEDDED_MODEL == "smollm2-135m-instruct"


def test_variables_are_named_by_their_prefix_or_by_common_use() -> None:
    assert Settings.model_config["env_prefix"] == "SEEDBED_"
    aliases = {name: field.validation_alias for name, field in Settings.model_fields.items()}
    assert {name: alias for name, alias in aliases.items() if alias} == {
        "database_url": "DATABASE_URL",
        "redis_url": "REDIS_URL",
        "openai_base_url": "OPENAI_BASE_URL",
        "openai_api_key": "OPENAI_API_KEY",
        "hub_token": "HF_TOKEN",
        "hub_url": "HF_ENDPOINT",
    }


def test_a_file_sets_what_the_environment_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "SEEDBED_CONCURRENCY=3\nSEEDBED_API_PORT=\nOTHER=1\nSEEDBED_MODEL=m\n"
    (tmp_path / ".env").write_text(text)
    monkeypatch.setenv("SEEDBED_MODEL", "n")
    settings = Settings()
    assert (settings.concurrency, settings.api_port, settings.model) == (3, 8000, "n")
    with pytest.raises(ValidationError, match="frozen"):
        settings.model = "other"  # type: ignore[misc] # the point of the test


def test_what_is_unset_follows_from_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DATABASE_URL", "REDIS_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    settings = Settings()
    assert settings.resolved_database_url == f"sqlite:///{tmp_path / 'data' / 'seedbed.db'}"
    assert settings.broker_url == "redis://127.0.0.1:6379/0"
    assert settings.embedded_model
    given = Settings(database_url="sqlite://", redis_url=SecretStr("memory://"))
    assert (given.resolved_database_url, given.broker_url) == ("sqlite://", "memory://")


def test_with_any_endpoint_the_embedded_model_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    east = EndpointSettings(name="east", base_url="http://east/v1")
    assert not Settings(openai_base_url="http://a/v1").embedded_model
    assert not Settings(openai_api_key=SecretStr("k")).embedded_model
    assert not Settings(endpoints=(east,)).embedded_model


def test_prices_and_endpoints_have_no_other_names() -> None:
    price = Price(input_usd=Decimal(1), output_usd=Decimal(2))
    assert price.batch_factor == Decimal("0.5")
    for factor in (0, 1.5):
        with pytest.raises(ValidationError):
            Price.model_validate({"input_usd": 1, "output_usd": 1, "batch_factor": factor})
    with pytest.raises(ValidationError, match="Extra inputs"):
        EndpointSettings.model_validate({"name": "a", "base_url": "b", "wieght": 1})
    with pytest.raises(ValidationError, match="frozen"):
        price.input_usd = Decimal(3)  # type: ignore[misc] # the point of the test
