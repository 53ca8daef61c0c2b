"""Choice of the service, and the key that is sent to it."""

import json

import pytest

from app.cli.exits import ExitCode
from app.cli.service.find_service import api_url
from app.stack.data_folder import locked_folder, publish
from app.stack.owner_token import make_owner_token
from app.stack.ports import free_port
from tests.unit.cli.command_line import KEY, ROWS, Seedbed


def test_without_a_service_it_says_how_to_start_one(seedbed: Seedbed) -> None:
    ended = seedbed("runs", api=False)
    assert ended.code == ExitCode.SERVICE_FAILED
    assert "seedbed up" in ended.stderr


def test_a_refused_connection_says_how_to_start_one(seedbed: Seedbed) -> None:
    ended = seedbed("runs", "--api", f"127.0.0.1:{free_port('127.0.0.1')}")
    assert ended.code == ExitCode.SERVICE_FAILED
    assert "seedbed up" in ended.stderr


def test_a_service_that_runs_on_the_data_folder_is_used(seedbed: Seedbed) -> None:
    with locked_folder(seedbed.folder / "data") as folder:
        publish(folder, seedbed.service.url)
        ended = seedbed("run", str(seedbed.seeds), "--out", str(seedbed.out), api=False)
    assert ended.code == ExitCode.OK
    assert json.loads(seedbed.out.read_text()) == ROWS


def test_settings_that_cannot_work_are_named_without_their_value(
    seedbed: Seedbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEDBED_CONCURRENCY", "sk-pasted-in-the-wrong-place")
    ended = seedbed("runs", api=False)
    assert ended.code == ExitCode.BAD_USAGE
    assert "SEEDBED_CONCURRENCY: " in ended.stderr
    assert "sk-pasted" not in ended.stderr


@pytest.mark.parametrize("api", [True, False])
def test_the_key_in_the_settings_is_sent(
    seedbed: Seedbed, monkeypatch: pytest.MonkeyPatch, api: bool
) -> None:
    monkeypatch.setenv("SEEDBED_API_KEY", f" {KEY}\n")
    with locked_folder(seedbed.folder / "data") as folder:
        publish(folder, seedbed.service.url)
        assert seedbed("runs", api=api).code == ExitCode.OK
    assert seedbed.service.asked[0].headers["authorization"] == f"Bearer {KEY}"


def test_the_token_of_the_data_folder_is_sent_to_its_service_alone(seedbed: Seedbed) -> None:
    token = make_owner_token(seedbed.folder / "data")
    with locked_folder(seedbed.folder / "data") as folder:
        publish(folder, seedbed.service.url)
        for api in (True, False):
            assert seedbed("runs", api=api).code == ExitCode.OK
            assert seedbed.service.asked[-1].headers["authorization"] == f"Bearer {token}"
        publish(folder, "http://127.0.0.1:9")
        assert seedbed("runs").code == ExitCode.OK
        assert "authorization" not in seedbed.service.asked[-1].headers


def test_the_key_to_something_else_is_sent_nowhere_and_not_shown(
    seedbed: Seedbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEDBED_API_KEY", "sk-of-another-service")
    ended = seedbed("runs")
    assert ended.code == ExitCode.BAD_USAGE
    assert "SEEDBED_API_KEY" in ended.stderr
    assert "sk-of" not in ended.stderr + ended.stdout
    assert not seedbed.service.asked


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_bad_usage(seedbed: Seedbed, status: int) -> None:
    seedbed.service.will("GET /v1/runs", {"detail": "Not with this key."}, status=status)
    ended = seedbed("runs")
    assert ended.code == ExitCode.BAD_USAGE
    assert "Not with this key." in ended.stderr


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("localhost:8000", "http://localhost:8000"),
        ("http://host/", "http://host"),
        ("https://host/seedbed/v1/", "https://host/seedbed"),
    ],
)
def test_an_address_is_understood_as_people_write_it(given: str, meant: str) -> None:
    assert api_url(given) == meant
