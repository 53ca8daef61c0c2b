"""`/metrics`: what Prometheus reads, who may read it, and that it never waits or fails."""

import re
from pathlib import Path

import httpx2
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from app.counters import COUNTERS
from app.services.access.key_form import Scope
from tests.unit.api.conftest import Service, client_of
from tests.unit.api.test_application import bearer, far

PAGE = Path(__file__).resolve().parents[3] / "docs" / "monitoring.md"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def read(answer: httpx2.Response) -> Samples:
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, tuple(sorted(labels.items()))]


def test_the_counters_of_a_run_are_those_of_its_rows(grown_service: Service) -> None:
    got = read(grown_service.http.get("/metrics"))
    [run] = grown_service.http.get("/v1/runs").json()["items"]
    model, at = {"model": "scripted"}, {"model": "scripted", "endpoint": "default"}
    assert value(got, "seedbed_calls_total", **at, outcome="answered") == run["funnel"]["asked"]
    for kind in ("prompt", "completion"):
        assert value(got, "seedbed_tokens_total", **at, kind=kind) == run["tokens"][kind]
    assert value(got, "seedbed_accepted_total", stage="generate") == 6
    rejected = [n for (name, _), n in got.items() if name == "seedbed_rejected_total"]
    with grown_service.context.database.read() as session:
        rows = session.execute(text("SELECT count(*) FROM rejections")).scalar_one()
    assert sum(rejected) == rows > 0
    ended = {"kind": "run", "status": "succeeded", "reason": "target_met"}
    assert value(got, "seedbed_status_changes_total", **ended) == 1
    assert value(got, "seedbed_runs", status="succeeded") == 1
    assert value(got, "seedbed_queue_length", kind="run") == 0
    assert value(got, "seedbed_leases_recovered_total", kind="run") == 0
    assert value(got, "seedbed_database_up") == 1
    assert value(got, "seedbed_endpoint_up", **at) == 1
    assert model["model"] == run["model"]


def test_counters_stay_when_runs_are_deleted(grown_service: Service) -> None:
    before = read(grown_service.http.get("/metrics"))
    with grown_service.context.database.write() as session:
        session.execute(text("PRAGMA defer_foreign_keys = ON"))
        for table in session.scalars(
            text("SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'counters'")
        ).all():
            session.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - a name of ours
    fresh = client_of(grown_service.context, [])
    after = read(fresh.get("/metrics"))
    names = {f"{spec.name}_total" for spec in COUNTERS}
    kept = {key: n for key, n in before.items() if key[0] in names}
    assert kept == {key: n for key, n in after.items() if key[0] in names}
    assert ("seedbed_runs", (("status", "succeeded"),)) not in after


def test_requests_are_counted_by_the_template_of_their_path(service: Service) -> None:
    service.http.get("/v1/runs/run_1")
    service.http.get("/v1/runs/run_2")
    service.http.get("/nowhere/1")
    service.http.get("/nowhere/2")
    service.http.request("BREW", "/v1/runs")
    service.http.get("/v1/runs/run_1", headers={"Host": "example.com"})
    got = read(service.http.get("/metrics"))

    def number(method: str, route: str, status: int) -> float:
        labels = {"method": method, "route": route, "status": str(status)}
        return value(got, "seedbed_http_requests_total", **labels)

    assert number("GET", "/v1/runs/{run_id}", 404) == 2
    # Refused before a route was chosen.
    assert number("GET", "/v1/runs/{run_id}", 403) == 1
    assert number("GET", "none", 404) == 2
    assert number("other", "/v1/runs", 405) == 1
    name = "seedbed_http_request_duration_seconds_count"
    assert value(got, name, method="GET", route="/v1/runs/{run_id}") == 3
    assert not [key for key in got if "run_1" in str(key) or "nowhere" in str(key)]


def test_a_scope_is_needed_once_there_is_a_key(service: Service) -> None:
    assert service.http.get("/metrics").status_code == 200
    assert far(service).get("/metrics").status_code == 403
    headers = bearer(service, Scope.READ)
    assert far(service).get("/metrics").status_code == 401
    assert far(service).get("/metrics", headers=headers).status_code == 200


def test_the_format_is_the_one_that_is_asked_for(service: Service) -> None:
    plain = service.http.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain")
    accept = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}
    open_metrics = service.http.get("/metrics", headers=accept)
    assert open_metrics.headers["content-type"].startswith("application/openmetrics-text")
    assert open_metrics.text.endswith("# EOF\n")


def test_the_page_lists_every_metric(grown_service: Service) -> None:
    answer = grown_service.http.get("/metrics")
    families = {one.name: one for one in text_string_to_metric_families(answer.text)}
    ours = {name for name in families if name.startswith("seedbed_")}
    rows = re.findall(r"^\| `(seedbed_\w+)` \| (\w+) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    kinds = {name: families[name].type for name in ours}
    listed = {name.removesuffix("_total"): kind for name, kind in rows}
    assert listed == kinds


def test_the_last_figures_are_sent_while_the_database_is_away(
    grown_service: Service, tmp_path: Path
) -> None:
    headers = bearer(grown_service, Scope.READ)
    client = far(grown_service)
    before = read(client.get("/metrics", headers=headers))
    path = Path(str(grown_service.context.database.engine.url.database))
    grown_service.context.database.engine.dispose()
    for file in path.parent.glob(f"{path.name}*"):
        file.rename(tmp_path / f"away {file.name}")
    path.mkdir()
    # Nobody who was not let in before, and no wait for a reading to be due.
    assert client.get("/metrics").status_code == 503
    grown_service.http.app.state.metrics.reader.is_database_up = False  # type: ignore[attr-defined] # an ASGI app

    after = read(client.get("/metrics", headers=headers))
    assert value(after, "seedbed_database_up") == 0
    calls = {key: n for key, n in before.items() if key[0] == "seedbed_calls_total"}
    assert calls == {key: n for key, n in after.items() if key[0] == "seedbed_calls_total"}

    path.rmdir()
    for file in tmp_path.glob("away *"):
        file.rename(path.parent / file.name.removeprefix("away "))
    assert value(read(client.get("/metrics", headers=headers)), "seedbed_database_up") == 1
