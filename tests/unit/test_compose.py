"""`docker-compose.yml` and the `Dockerfile` name what there is; no container engine is needed."""

import importlib.util
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.messaging import QUEUES
from app.services.work_kinds import KINDS
from app.settings import Settings
from app.stack.environment import variable_names
from workers.heartbeat import EVERY_S

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if "build" in service)
LASTING = sorted(name for name in OURS if SERVICES[name]["restart"] == "unless-stopped")
WITH_PULSE = ["gpu-worker", "sweeper", "worker"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
INSTRUCTIONS = re.findall(r"^([A-Z]+) (.*)$", DOCKERFILE, re.MULTILINE)


PINNED = re.compile(r":[\w.-]*\d[\w.-]*(@sha256:[0-9a-f]{64})?$")
"""A version, and a digest if `make pin-images` was run."""
VARIABLE = re.compile(r"\$\{(\w+)(:[-?])([^${}]*)\}")


def filled(text: str, given: Mapping[str, str]) -> str:
    """What Compose makes of ``${NAME:-default}`` and ``${NAME:?error}``.

    Raises:
        LookupError: a variable is not given that must be; with Compose's message.
    """

    def value(found: re.Match[str]) -> str:
        name, kind, otherwise = found.groups()
        if not given.get(name) and kind == ":?":
            raise LookupError(f"required variable {name} is missing a value: {otherwise}")
        return given.get(name) or otherwise

    return VARIABLE.sub(value, text)


def seconds(text: str) -> float:
    assert text.endswith("s"), text
    return float(text[:-1])


def words_of(name: str) -> list[str]:
    return str(SERVICES[name]["command"]).split()


def queues_of(name: str) -> set[str]:
    words = words_of(name)
    return set(words[words.index("--queues") + 1].split(",")) if "--queues" in words else set()


def test_it_has_every_part_of_the_service() -> None:
    assert set(OURS) == {"migrate", "api", "worker", "gpu-worker", "sweeper"}
    assert set(SERVICES) - set(OURS) == {"postgres", "redis"}
    assert SERVICES["gpu-worker"]["profiles"] == ["gpu"]
    [device] = SERVICES["gpu-worker"]["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]


def test_each_training_has_a_process_of_its_own() -> None:
    words = words_of("gpu-worker")
    for option in ("--concurrency", "--max-tasks-per-child"):
        assert words[words.index(option) + 1] == "1"


@pytest.mark.parametrize("name", OURS)
def test_a_command_starts_something_that_there_is(name: str) -> None:
    program, flag, module = words_of(name)[:3]
    assert (program, flag) in {("python", "-m"), ("celery", "-A")}
    spec = importlib.util.find_spec(module)
    if spec is not None and spec.submodule_search_locations:
        spec = importlib.util.find_spec(f"{module}.__main__")
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).read_text()
    assert ("\ncelery = " if program == "celery" else '\nif __name__ == "__main__":') in source


def test_the_page_on_deployment_lists_the_same_commands_and_services() -> None:
    page = (ROOT / "docs" / "deployment.md").read_text()
    listed = page.split("```text\n")[1].split("```")[0].splitlines()
    assert sorted(listed) == sorted(" ".join(words_of(name)) for name in OURS)
    commands = re.findall(r"^\$ docker compose ([a-z]+) (.*)$", page, re.MULTILINE)
    for word, rest in commands:
        arguments = re.sub(r" +#.*|--[a-z-]+( worker=\d+)?|-T", "", rest).split()
        named = arguments[:1] if word in {"run", "exec"} else arguments
        assert set(named) <= set(SERVICES), rest
    assert {"build", "run", "up", "stop"} <= {word for word, _ in commands}


def test_every_queue_is_read_and_none_that_there_is_not() -> None:
    read = {name: queues_of(name) for name in OURS}
    assert set().union(*read.values()) == set(QUEUES)
    assert read["gpu-worker"] == {"training"}


@pytest.mark.parametrize("name", OURS)
def test_the_environment_is_the_same_for_all_and_made_of_known_settings(name: str) -> None:
    assert SERVICES[name]["environment"] is COMPOSE["x-seedbed"]["environment"]
    assert SERVICES[name]["env_file"] == [{"path": ".env", "required": False}]
    given = {"POSTGRES_PASSWORD": "p@ss/word:?#"}
    environment = {
        key: filled(str(value), given) for key, value in SERVICES[name]["environment"].items()
    }
    # The driver's own, so that any character can be in the password.
    assert environment.pop("PGPASSWORD") == given["POSTGRES_PASSWORD"]
    assert not set(environment) - set(variable_names().values())
    by_variable = {variable: field for field, variable in variable_names().items()}
    fields = Settings.model_validate({by_variable[key]: v for key, v in environment.items()})
    assert fields.resolved_database_url == "postgresql://seedbed@postgres/seedbed"
    assert fields.broker_url == "redis://redis:6379/0"


def test_there_is_no_password_that_everybody_knows() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    with pytest.raises(LookupError, match=r"Set POSTGRES_PASSWORD in \.env"):
        filled(text, {})
    whole = yaml.safe_load(filled(text, {"POSTGRES_PASSWORD": "one of my own"}))
    said = {
        name: value
        for service in whole["services"].values()
        for name, value in service.get("environment", {}).items()
        if "PASSWORD" in name
    }
    assert said == {"POSTGRES_PASSWORD": "one of my own", "PGPASSWORD": "one of my own"}


@pytest.mark.parametrize("name", OURS)
def test_what_runs_our_image_can_write_nothing_and_gain_nothing(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]  # noqa: S108 - the container's
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in service
    assert "privileged" not in service


def test_the_image_runs_as_a_user_without_rights() -> None:
    stages = [n for n, (word, _) in enumerate(INSTRUCTIONS) if word == "FROM"]
    machine = INSTRUCTIONS[stages[-3] : stages[-2]]
    assert machine[0][1].endswith(" AS machine")
    assert [value for word, value in machine if word == "USER"] == ["seedbed"]
    assert "--create-home seedbed" in DOCKERFILE
    # The service's, which is the last, and the one that trains: it is in no other group.
    images = INSTRUCTIONS[stages[-2] :]
    # Nothing but what was installed from locks and from the wheel.
    copied = [value for word, value in images if word == "COPY"]
    assert copied == [f"--from={of} /opt/venv /opt/venv" for of in ("build-training", "build")]
    assert [value for word, value in images if word == "FROM"] == ["machine AS training", "machine"]
    assert not [value for word, value in images if word == "USER"]


def test_everything_in_the_image_is_installed_by_its_hash_or_from_the_wheel() -> None:
    commands = re.findall(r"pip install ([^\n\\]+)", DOCKERFILE)
    locks = [command.split()[-1] for command in commands if "--require-hashes" in command]
    assert [f"requirements/{name}.lock" for name in ("run", "training", "torch")] == locks
    assert [command for command in commands if "--require-hashes" not in command] == [
        "--no-cache-dir --no-deps /dist/*.whl"
    ]
    pinned = (ROOT / "requirements" / "torch.txt").read_text().split()[-1]
    assert f"\n{pinned} \\\n    --hash=sha256:" in (ROOT / "requirements/torch.lock").read_text()


def test_no_test_and_no_secret_reaches_the_image() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split("\n")
    assert ignored[1] == "*"
    sent = {line[1:] for line in ignored if line.startswith("!")}
    assert sent == {"LICENSE", "README.md", "app", "migrations", "pyproject.toml", "requirements",
                    "seed_tasks", "workers"}  # fmt: skip
    assert all((ROOT / name).exists() for name in sent)


def test_only_who_trains_has_the_image_that_trains() -> None:
    targets = {name: SERVICES[name]["build"] for name in OURS}
    assert targets.pop("gpu-worker") == {"context": ".", "target": "training"}
    assert set(targets.values()) == {"."}
    assert {SERVICES[name]["image"] for name in targets} == {"seedbed"}
    assert SERVICES["gpu-worker"]["image"] == "seedbed-training"


@pytest.mark.parametrize("name", [*LASTING, "postgres", "redis"])
def test_what_lasts_has_a_health_check(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert seconds(check["interval"]) <= 10


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_what_a_service_waits_for_can_come(name: str) -> None:
    for other, wanted in SERVICES[name].get("depends_on", {}).items():
        if wanted["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other]
        else:
            assert wanted["condition"] == "service_completed_successfully"
            assert SERVICES[other]["restart"] == "on-failure"


@pytest.mark.parametrize("name", LASTING)
def test_what_is_told_to_stop_is_given_the_time_it_takes(name: str) -> None:
    grace_s = seconds(SERVICES[name]["stop_grace_period"])
    patience_s = [kind.patience_s for kind in KINDS if kind.queue in queues_of(name)]
    assert grace_s >= (max(patience_s) + 10 if patience_s else 8)


def test_nothing_is_published_beyond_this_machine_and_every_image_has_a_version() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published == ["127.0.0.1:8000:8000"]
    for name in set(SERVICES) - set(OURS):
        assert PINNED.search(SERVICES[name]["image"])
    for name, value in INSTRUCTIONS:
        if name == "FROM" and value.startswith("python"):
            assert PINNED.search(value.partition(" AS ")[0])
    named = [volume.split(":")[0] for s in SERVICES.values() for volume in s.get("volumes", [])]
    assert list(dict.fromkeys(named)) == list(COMPOSE["volumes"])
    # What is trained is offered for download by the API.
    assert SERVICES["gpu-worker"]["volumes"] == SERVICES["api"]["volumes"]


@pytest.mark.parametrize("name", WITH_PULSE)
def test_the_check_of_a_pulse_tells_a_live_process_from_one_that_stands_still(
    name: str, tmp_path: Path
) -> None:
    service = SERVICES[name]
    [kind, script] = service["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    assert service["environment"]["SEEDBED_PULSE_FILE"] in script
    pulse = tmp_path / "pulse"
    script = script.replace("$$", "$").replace("/tmp/pulse", str(pulse))  # noqa: S108 - the container's

    def well() -> bool:
        return (
            subprocess.run(["sh", "-c", script], check=False, capture_output=True).returncode == 0
        )

    assert not well()
    pulse.touch()
    assert well()
    for age_s, is_well in ((5 * EVERY_S, True), (60, False)):
        then = time.time() - age_s
        os.utime(pulse, (then, then))
        assert well() is is_well


@pytest.mark.parametrize(("status", "is_well"), [(200, True), (503, False), (None, False)])
def test_the_check_of_the_api_asks_whether_it_is_ready(status: int | None, is_well: bool) -> None:
    [kind, program, flag, script] = SERVICES["api"]["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "python")

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/v1/ready"
            self.send_response(status or 0)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 its own name
            pass

    with HTTPServer(("127.0.0.1", 0), Api) as server:
        port = server.server_port if status else 9
        # Daemon: where nobody asks, it would wait for ever.
        threading.Thread(target=server.handle_request, daemon=True).start()
        check = [sys.executable, flag, script.replace("8000", str(port))]
        ended = subprocess.run(check, check=False, capture_output=True)
    assert (ended.returncode == 0) is is_well
