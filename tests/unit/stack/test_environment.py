from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.settings import EndpointSettings, Price, Settings
from app.stack.environment import process_environment, slow_model_pace, variable_names


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without a .env, and an environment without our variables."""
    monkeypatch.chdir(tmp_path)
    for name in variable_names().values():
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_a_part_reads_the_same_settings_as_its_parent(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(
        data_dir=elsewhere / "data",
        openai_api_key=SecretStr("sk-secret"),
        openai_base_url="http://127.0.0.1:1/v1",
        concurrency=3,
        prices={"m": Price(input_usd=Decimal("0.10"), output_usd=Decimal("0.4"))},
        endpoints=(
            EndpointSettings(name="east", base_url="http://east/v1", api_key=SecretStr("sk-e")),
            EndpointSettings(name="west", base_url="http://west/v1", weight=0.5),
        ),
    )
    for name, value in process_environment(settings, {}, {}).items():
        monkeypatch.setenv(name, value)
    assert Settings() == settings


def test_a_relative_data_folder_is_absolute_for_the_parts(elsewhere: Path) -> None:
    environment = process_environment(Settings(data_dir=Path("here")), {}, {})
    assert environment["SEEDBED_DATA_DIR"] == str(elsewhere / "here")


@pytest.mark.usefixtures("elsewhere")
def test_what_is_unset_for_the_parent_is_unset_for_the_parts() -> None:
    outer = {"OPENAI_API_KEY": "of another project", "redis_url": "redis://other", "HOME": "/h"}
    environment = process_environment(Settings(), outer, {})
    assert "OPENAI_API_KEY" not in environment
    assert "redis_url" not in environment
    assert environment["HOME"] == "/h"


@pytest.mark.usefixtures("elsewhere")
def test_what_the_stack_found_wins_over_the_settings() -> None:
    environment = process_environment(Settings(), {}, {"REDIS_URL": "redis+socket:///s"})
    assert environment["REDIS_URL"] == "redis+socket:///s"


@pytest.mark.usefixtures("elsewhere")
def test_a_proxy_is_not_asked_for_loopback() -> None:
    environment = process_environment(Settings(), {"NO_PROXY": "intranet"}, {})
    assert environment["NO_PROXY"] == "intranet,127.0.0.1,localhost,::1"
    assert environment["no_proxy"] == "127.0.0.1,localhost,::1"


@pytest.mark.usefixtures("elsewhere")
def test_the_part_finds_our_code_wherever_it_is_started() -> None:
    environment = process_environment(Settings(), {"PYTHONPATH": "/more"}, {})
    folders = environment["PYTHONPATH"].split(":")
    assert folders[-1] == "/more"
    assert (Path(folders[0]) / "app" / "settings.py").exists()


@pytest.mark.usefixtures("elsewhere")
def test_a_slow_model_is_asked_no_more_than_it_can_answer_in_time() -> None:
    assert slow_model_pace(Settings(), slots=4) == {
        "SEEDBED_CONCURRENCY": "5",
        "SEEDBED_REQUEST_TIMEOUT_S": "900.0",
    }


def test_what_the_user_set_is_not_adapted_to_a_slow_model(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEDBED_CONCURRENCY", "2")
    settings = Settings(data_dir=elsewhere, request_timeout_s=7)
    assert slow_model_pace(settings, slots=2) == {}
