"""A check of the image: it is built, and its processes do a run as Compose starts them.

    python -m images.check [--engine podman] [--no-build]
        [--build-option=--network=host] [--run-option=--ulimit=nofile=1024:1024]

Takes commands, restrictions (read-only, no capabilities, no new privileges) and health checks from
docker-compose.yml. A broker and a scripted model out of the same image, and SQLite on a volume,
stand in for the servers that Compose would fetch. Needs a container engine and the host's network.
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml

from app.stack.ports import free_port

ROOT = Path(__file__).resolve().parents[1]
IMAGE = "seedbed-check"
_STARTED_WITHIN_S = 90
_TARGET = 5
_PROCESSES = ("api", "worker", "sweeper")
_INSIDE = """
import importlib.util as i, os, pathlib as p, sys
lines = p.Path("/proc/self/status").read_text().splitlines()
status = dict(line.split(":\\t", 1) for line in lines)
assert os.getuid() != 0, "runs as root"
assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0, "has capabilities"
assert status["NoNewPrivs"] == "1", "may gain privileges"
for folder in ("/", "/opt/venv", "/usr", "/home/seedbed"):
    try:
        p.Path(folder, "written").touch()
    except OSError:
        continue
    sys.exit(f"{folder} can be written")
for name in ("tests", "benchmarks", "pytest"):
    assert i.find_spec(name) is None, f"{name} is in the image"
import app.store.migrate
where = p.Path(app.__path__[0])
assert where.parent.name == "site-packages", where
assert list(where.rglob("__pycache__")), "was not compiled"
"""


class Container:
    """A container that runs a process of the service until it is removed."""

    def __init__(self, engine: str, name: str) -> None:
        self._engine = engine
        self.name = name

    def run(self, *command: str) -> subprocess.CompletedProcess[bytes]:
        """Run a command in it."""
        return subprocess.run(
            [self._engine, "exec", self.name, *command], capture_output=True, check=False
        )

    def log(self) -> str:
        """Return the end of its output."""
        said = subprocess.run(
            [self._engine, "logs", "--tail", "30", self.name], capture_output=True, check=False
        )
        return (said.stdout + said.stderr).decode(errors="replace")


class Deployment:
    """Containers of one image with one volume and one environment."""

    def __init__(
        self,
        engine: str,
        volume: str,
        environment: Mapping[str, str],
        run_options: Sequence[str],
    ) -> None:
        self._engine = engine
        self._options = [
            *run_options,
            *("--network", "host", "--volume", f"{volume}:/var/lib/seedbed"),
            *(f"--env={name}={value}" for name, value in environment.items()),
            *_restrictions(),
        ]

    @contextmanager
    def container(self, command: Sequence[str]) -> Iterator[Container]:
        """Start a process, and remove its container at the end."""
        name = f"{IMAGE}-{secrets.token_hex(4)}"
        started = ["run", "--detach", "--name", name, *self._options, IMAGE, *command]
        try:
            _checked(self._engine, *started)
            yield Container(self._engine, name)
        finally:
            subprocess.run(
                [self._engine, "rm", "--force", "--time", "10", name],
                capture_output=True,
                check=False,
            )

    def output(self, *command: str) -> str:
        """Run a command to its end in a container of its own, and return what it printed."""
        return _checked(self._engine, "run", "--rm", *self._options, IMAGE, *command)


def _restrictions() -> list[str]:
    """Return the engine's options for the restrictions of Compose."""
    service = _compose()["x-seedbed"]
    return [
        "--read-only" if service["read_only"] else "",
        *(f"--tmpfs={folder}" for folder in service["tmpfs"]),
        *(f"--cap-drop={name}" for name in service["cap_drop"]),
        *(f"--security-opt={_option(text)}" for text in service["security_opt"]),
        "--init" if service["init"] else "",
    ]


def _option(text: str) -> str:
    # Podman knows the option without its value only.
    return text.removesuffix(":true")


def _compose() -> dict[str, Any]:  # Any: YAML
    read: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    return read


def _checked(engine: str, *arguments: str) -> str:
    done = subprocess.run(
        [engine, *filter(None, arguments)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(
            f"{engine} {' '.join(arguments)[:300]}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        )
    return done.stdout


def _await_healthy(name: str, container: Container) -> None:
    """Wait until the health check that Compose has for a service succeeds."""
    kind, *words = _compose()["services"][name]["healthcheck"]["test"]
    words = [word.replace("$$", "$") for word in words]
    port = container.run("printenv", "SEEDBED_API_PORT").stdout.decode().strip()
    command = ["sh", "-c", *words] if kind == "CMD-SHELL" else words
    until = time.monotonic() + _STARTED_WITHIN_S
    while container.run(*(word.replace("8000", port) for word in command)).returncode:
        if time.monotonic() > until:
            sys.exit(f"{name} does not become healthy:\n{container.log()}")
        time.sleep(0.5)
    _say(f"{name} is healthy")


def check(engine: str, run_options: Sequence[str]) -> None:
    """Let the image do a run to its end, with a backup, and look into its containers."""
    volume = f"{IMAGE}-{secrets.token_hex(4)}"
    ports = [free_port("127.0.0.1") for _ in range(3)]
    api, broker, model = ports
    environment = {
        "SEEDBED_DATA_DIR": "/var/lib/seedbed",
        "SEEDBED_PULSE_FILE": "/tmp/pulse",  # noqa: S108 - the container's
        "SEEDBED_API_PORT": str(api),
        "REDIS_URL": f"redis://127.0.0.1:{broker}/0",
        "OPENAI_BASE_URL": f"http://127.0.0.1:{model}/v1",
        "OPENAI_API_KEY": "scripted",
        "SEEDBED_MODEL": "scripted",
        "SEEDBED_API_URL": f"http://127.0.0.1:{api}",
    }
    _checked(engine, "volume", "create", volume)
    try:
        with ExitStack() as running:
            deployment = Deployment(engine, volume, environment, run_options)
            _do_a_run(deployment, running, broker, model)
    finally:
        _checked(engine, "volume", "rm", "--force", volume)


def _do_a_run(deployment: Deployment, running: ExitStack, broker: int, model: int) -> None:
    services = _compose()["services"]
    deployment.output(*str(services["migrate"]["command"]).split())
    _say("the database is migrated")
    server = deployment.output(
        "python",
        "-c",
        "from app.stack.broker import find_server; print(find_server(None))",
    ).strip()
    script = "app.llm.scripted.model:reply"
    for command in (
        [server, "--port", str(broker), "--save", "", "--dir", "/tmp"],  # noqa: S108
        ["python", "-m", "app.llm.scripted.server", "--port", str(model), "--script", script],
    ):
        running.enter_context(deployment.container(command))
    for name in _PROCESSES:
        command = str(services[name]["command"]).split()
        container = running.enter_context(deployment.container(command))
        _await_healthy(name, container)
        inside = container.run("python", "-c", _INSIDE)
        if inside.returncode:
            sys.exit(f"{name}: {inside.stderr.decode()}")
    _say("no root, no capabilities, nothing to write, no tests")
    out = "/tmp/out.json"  # noqa: S108 - the container's
    run = ["seedbed", "run", "--target", str(_TARGET), "--out", out, "--json"]
    made = json.loads(deployment.output(*run))
    if made["run"]["status"] != "succeeded" or made["rows"] < _TARGET:
        sys.exit(f"the run did not succeed: {made}")
    _say(f"a run of the bundled seed tasks made {made['rows']} rows")
    saved = json.loads(deployment.output("seedbed", "backup", "/tmp/a.backup", "--json"))  # noqa: S108
    if saved["rows"]["instances"] != made["rows"]:
        sys.exit(f"the backup is not whole: {saved}")
    _say("a backup was made")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Build and check the image."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default=os.environ.get("ENGINE", "docker"))
    parser.add_argument("--build-option", action="append", default=[], help="repeatable")
    parser.add_argument("--run-option", action="append", default=[], help="repeatable")
    parser.add_argument("--no-build", action="store_true", help="check the image that is there")
    given = parser.parse_args()
    if not given.no_build:
        began = time.monotonic()
        _checked(given.engine, "build", "--tag", IMAGE, *given.build_option, str(ROOT))
        _say(f"the image is built ({time.monotonic() - began:.0f} s)")
    check(given.engine, given.run_option)


if __name__ == "__main__":
    main()
