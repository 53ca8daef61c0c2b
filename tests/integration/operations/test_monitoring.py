"""Monitoring with a real Prometheus: each query of the dashboard, the alerts, and the JSON logs.

The service is a real one: API, worker and sweeper are processes of their own.
"""

import json
import math
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from app.api.request_ids import HEADER
from app.llm.scripted.model import reply
from app.llm.scripted.server import ScriptedCall, ScriptedReply, scripted_server
from app.services.access import api_keys
from app.services.access.key_form import Scope
from app.services.context import open_service_context
from app.services.training.jobs import control, work
from app.services.training.jobs.requests import TrainingRequest
from app.settings import Settings
from app.stack.embedded import EmbeddedStack
from app.stack.ports import free_port
from app.training.plain.options import TrainingOptions
from tests.bench import SEEDS
from tests.scripted_trainer import ScriptedTrainer

pytestmark = pytest.mark.crash

FILES = Path(__file__).resolve().parents[3] / "deploy" / "monitoring"
DASHBOARD = json.loads((FILES / "dashboard.json").read_text(encoding="utf-8"))
OUTAGE = range(30, 45)
WITHIN_S = 60.0


@pytest.fixture(scope="module")
def prometheus_binary() -> str:
    """Prometheus of the system; installed by name where root runs on Debian."""
    if shutil.which("prometheus") is None and os.geteuid() == 0 and shutil.which("apt-get"):
        for words in ("update", "install --yes --no-install-recommends prometheus"):
            subprocess.run(["apt-get", "-qq", *words.split()], check=True, capture_output=True)
    found = shutil.which("prometheus")
    if found is None:
        pytest.skip("needs the program prometheus (Debian's package prometheus)")
    return found


def script(call: ScriptedCall) -> ScriptedReply:
    """Answers with throttles, an outage and empty replies in between; the preflight is spared."""
    if call.n in OUTAGE:
        return ScriptedReply(status=503, error={"message": "in maintenance"})
    if call.n > 10 and call.n % 9 == 0:
        return ScriptedReply(status=429, error={"message": "slow"}, headers={"Retry-After": "0.1"})
    if call.n > 10 and call.n % 13 == 0:
        return ScriptedReply(raw=b'{"choices": []}')
    return reply(call)


@dataclass(frozen=True)
class Monitored:
    """A service in which things have happened, and the Prometheus that scraped it."""

    api: httpx.Client
    prometheus: httpx.Client
    logs: Path

    def query(self, expression: str) -> list[dict[str, Any]]:
        answer = self.prometheus.get("/api/v1/query", params={"query": expression})
        assert answer.status_code == 200, (expression, answer.text)
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found


def until(found: Callable[[], bool], what: object) -> None:
    give_up_at = time.monotonic() + WITHIN_S
    while not found():
        assert time.monotonic() < give_up_at, what
        time.sleep(0.5)


@contextmanager
def scraping(binary: str, folder: Path, api_url: str, key: str) -> Iterator[str]:
    """Run Prometheus on our configuration, with this address and key; its own address."""
    config = yaml.safe_load((FILES / "prometheus.yml").read_text(encoding="utf-8"))
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(FILES / "alerts.yml")]
    [job] = config["scrape_configs"]
    job["static_configs"] = [{"targets": [api_url.removeprefix("http://")]}]
    (folder / job["authorization"]["credentials_file"]).write_text(key)
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_port('127.0.0.1')}"
    command = [
        binary,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'series'}",
        f"--web.listen-address={address}",
        "--log.level=warn",
    ]
    with subprocess.Popen(command) as process:
        try:
            yield f"http://{address}"
        finally:
            process.kill()


@pytest.fixture(scope="module")
def monitored(
    prometheus_binary: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Monitored]:
    folder = tmp_path_factory.mktemp("monitoring")
    with scripted_server(script) as endpoint:
        settings = Settings.model_validate(
            {
                "data_dir": folder / "data",
                "OPENAI_BASE_URL": endpoint.base_url,
                "OPENAI_API_KEY": "none",
                "model": "scripted",
                "prices": {"scripted": {"input_usd": "0.5", "output_usd": "2"}},
                "api_port": 0,
                "log_format": "json",
            }
        )
        with EmbeddedStack(settings) as stack, closing(open_service_context(settings)) as context:
            names = {"admin": [Scope.ADMIN], "prometheus": [Scope.READ]}
            keys = {
                name: api_keys.create_key(context.database, name, scopes).key
                for name, scopes in names.items()
            }
            headers = {"Authorization": f"Bearer {keys['admin']}"}
            with (
                scraping(prometheus_binary, folder, stack.api_url, keys["prometheus"]) as url,
                httpx.Client(base_url=url, timeout=20, trust_env=False) as prometheus,
                httpx.Client(
                    base_url=stack.api_url, headers=headers, timeout=20, trust_env=False
                ) as api,
            ):
                monitored = Monitored(api, prometheus, stack.log_dir)
                until(lambda: _is_ready(prometheus), "Prometheus does not start")
                # A rise is seen only from a value that was scraped before it: a second run raises
                # the counters that the first one has begun.
                run_id = _start_run(api, 1)
                until(lambda: _is_over(api, run_id), "the run does not end")
                failed = 'seedbed_calls_total{outcome!="answered"}'
                until(lambda: bool(monitored.query(failed)), "the service is not scraped")
                second_id = _start_run(api, 2)
                dataset_id = _import(api)
                # Here and not by the worker: a trainer without a model.
                options = TrainingOptions(base_model="tiny")
                job = control.create_job(context, TrainingRequest(dataset_id, options), None)
                work.work_on_job(context, job.id, lambda: False, ScriptedTrainer())
                assert control.get_job(context, job.id).status == "succeeded"
                until(lambda: _is_over(api, second_id), "the second run does not end")
                made = api.post(
                    "/v1/datasets",
                    json={"name": "made", "recipe": {"sources": [{"run_id": run_id}]}},
                )
                assert made.status_code == 202, made.text
                ready = 'seedbed_datasets_made_total{result="ready"} == 1'
                until(lambda: bool(monitored.query(ready)), "the data set is not made")
                yield monitored


def _is_ready(prometheus: httpx.Client) -> bool:
    try:
        return prometheus.get("/-/ready").status_code == 200
    except httpx.TransportError:
        return False


def _start_run(api: httpx.Client, number: int) -> str:
    seeds = [
        {
            "id": seed.id,
            "name": seed.name,
            "instruction": seed.instruction,
            "instances": [{"input": "", "output": "An answer."}],
            "is_classification": seed.is_classification,
        }
        for seed in SEEDS
    ]
    options = {"target": 40, "max_attempts": 6, "random_seed": number}
    body = {"seed_tasks": seeds, "options": options}
    answer = api.post("/v1/runs", json=body, headers={HEADER: f"start-of-run-{number}"})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def _is_over(api: httpx.Client, run_id: str) -> bool:
    run = api.get(f"/v1/runs/{run_id}").json()
    assert run["status"] in {"queued", "running", "succeeded"}, run["message"]
    return bool(run["status"] == "succeeded")


def _import(api: httpx.Client) -> str:
    rows = [{"instruction": f"Say {n}.", "input": "", "output": str(n)} for n in range(8)]
    where = {"name": "imported", "format": "alpaca"}
    taken = api.post("/v1/datasets/import", params=where, content=json.dumps(rows))
    assert taken.status_code in {200, 201, 202}, taken.text
    refused = api.post("/v1/datasets/import", params=where, content=b'[{"instruction": 1}]')
    assert refused.status_code == 422, refused.text
    id_ = str(taken.json()["id"])
    until(lambda: api.get(f"/v1/datasets/{id_}").json()["state"] == "ready", "it is not imported")
    return id_


def queries() -> list[tuple[str, str]]:
    """Every query of the dashboard, with its panel; Grafana's variables filled in."""
    # Longer than the test takes: without a call, a share of calls is no number.
    variables = {"$__rate_interval": "30m", "$__range": "1h"}
    found = []
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            expression = target["expr"]
            for name, value in variables.items():
                expression = expression.replace(name, value)
            assert "$" not in expression
            found.append((panel["title"], expression))
    return found


def test_each_query_of_the_dashboard_returns_data(monitored: Monitored) -> None:
    assert len(queries()) > 25
    lacking = queries()

    def all_there() -> bool:
        for each in list(lacking):
            values = [float(one["value"][1]) for one in monitored.query(each[1])]
            if not all(map(math.isnan, values)):
                lacking.remove(each)
        return not lacking

    until(all_there, lacking)


def test_what_happened_is_in_prometheus(monitored: Monitored) -> None:
    def value(expression: str) -> float:
        [found] = monitored.query(expression)
        return float(found["value"][1])

    def outcomes() -> dict[str, float]:
        calls = monitored.query("sum by (outcome) (seedbed_calls_total)")
        return {one["metric"]["outcome"]: float(one["value"][1]) for one in calls}

    assert outcomes().keys() >= {"answered", "throttled", "outage", "failed"}
    first, second = monitored.api.get("/v1/runs").json()["items"]
    runs = (first, second)
    assert outcomes()["answered"] == sum(run["funnel"]["asked"] for run in runs)
    cost_usd = sum(float(run["cost_usd"]) for run in runs)
    assert value("sum(seedbed_cost_usd_total)") == pytest.approx(cost_usd)
    completion = sum(run["tokens"]["completion"] for run in runs)
    assert value('sum(seedbed_tokens_total{kind="completion"})') == completion
    assert value('seedbed_accepted_total{stage="generate"}') == 80
    assert value('seedbed_imports_total{result="ready"}') == 1
    assert value('seedbed_imports_total{result="refused"}') == 1
    done = 'seedbed_status_changes_total{kind="training_job", status="succeeded"}'
    assert value(done) == 1
    assert value('up{job="seedbed"}') == 1


def test_every_line_of_the_logs_is_json(monitored: Monitored) -> None:
    records: dict[str, list[dict[str, Any]]] = {}
    for part in ("migrations", "api", "worker", "sweeper"):
        [path] = monitored.logs.glob(f"{part}*.log")
        lines = path.read_text(encoding="utf-8").splitlines()
        records[part] = [json.loads(line) for line in lines]
    assert any(" ready." in record["message"] for record in records["worker"])
    [start] = [one for one in records["api"] if one.get("request_id") == "start-of-run-1"]
    reported = (start["logger"], start["method"], start["path"], start["status"])
    assert reported == ("uvicorn.access", "POST", "/v1/runs", 202)


def test_the_alerts_fire_when_they_should_and_only_then(
    prometheus_binary: str, tmp_path: Path
) -> None:
    promtool = Path(prometheus_binary).with_name("promtool")
    for file in (FILES / "alerts.yml", Path(__file__).with_name("alerts_test.yml")):
        shutil.copy(file, tmp_path)
    checks = (["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"])
    for words in checks:
        ended = subprocess.run(
            [promtool, *words], check=False, cwd=tmp_path, capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr


def test_no_alert_fires_of_a_service_that_is_well(monitored: Monitored) -> None:
    firing = monitored.query('ALERTS{alertstate="firing"}')
    assert [one["metric"]["alertname"] for one in firing] == []


def test_alerts_use_only_metrics_that_there_are(monitored: Monitored) -> None:
    names = set(re.findall(r"\bseedbed_\w+", (FILES / "alerts.yml").read_text(encoding="utf-8")))
    assert names
    for name in names:
        assert monitored.query(name), name
