"""`seedbed adapters` against the API, with the outputs of scripted training jobs."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from app.api.context import ApiContext
from app.cli.exits import ExitCode
from app.cli.main import app
from app.llm.scripted.model import reply
from app.services.context import ServiceContext
from app.services.training.jobs import control, work
from app.services.training.jobs.requests import TrainingRequest
from app.stack.environment import variable_names
from app.store.tables.datasets import Dataset
from app.training.plain.option_groups import MethodOptions
from app.training.plain.options import EvaluationJobOptions, TrainingOptions
from tests.bench import OpenBench
from tests.conftest import MOSTLY_POSTGRESQL
from tests.dataset_versions import ROWS, imported
from tests.scripted_trainer import ScriptedTrainer
from tests.servers.api import running_api

pytestmark = MOSTLY_POSTGRESQL


@dataclass(frozen=True)
class Service:
    context: ServiceContext
    url: str
    dataset: Dataset

    def job(self, *, succeeds: bool = True, **options: Any) -> str:
        request = TrainingRequest(self.dataset.id, TrainingOptions(base_model="tiny", **options))
        job_id = control.create_job(self.context, request, None).id
        if succeeds:
            work.work_on_job(self.context, job_id, lambda: False, ScriptedTrainer())
        return job_id

    def file(self, job_id: str) -> Path:
        return control.folder_of(self.context, job_id) / "outputs" / "adapter.json"

    def __call__(self, *arguments: str) -> Result:
        command = ["adapters", *arguments, "--api", self.url]
        return CliRunner().invoke(app, command, env={"COLUMNS": "200"})

    def json(self, *arguments: str) -> Any:
        result = self(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


@pytest.fixture
def service(
    open_bench: OpenBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Service]:
    for name in variable_names().values():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    with open_bench(reply, files_dir=tmp_path / "data" / "files") as bench:
        dataset = imported(bench.context, ROWS)
        context = ApiContext(
            bench.context,
            send=lambda _: None,
            broker_trouble=lambda: None,
            send_training_job=lambda _: None,
        )
        with running_api(context) as api:
            yield Service(bench.context, str(api.http.base_url.copy_with(path="/")), dataset)


def test_those_that_succeeded_are_listed_with_scores_and_files(service: Service) -> None:
    assert "No adapters yet" in service("list").stdout
    first = service.job()
    service.job(succeeds=False)
    second = service.job(method=MethodOptions(name="dora"))
    listed = service.json("list")
    assert [each["id"] for each in listed] == [second, first]
    assert listed[0]["options"]["method"]["name"] == "dora"
    scores = {score["name"]: score for score in listed[0]["scores"]}
    assert (scores["exact match"]["base"], scores["exact match"]["tuned"]) == (0.0, 1.0)
    assert [file["name"] for file in listed[0]["files"]] == ["adapter.json"]
    table = service("list").stdout
    assert "exact match 0.000 → 1.000" in table
    assert table.index(second) < table.index(first)
    assert len(service.json("list", "--limit", "1")) == 1


def test_one_is_shown_with_what_its_evaluation_says_and_its_sums(service: Service) -> None:
    job_id = service.job()
    view = service.json("show", job_id)
    assert (
        view["files"][0]["sha256"] == hashlib.sha256(service.file(job_id).read_bytes()).hexdigest()
    )
    shown = service("show", job_id).stdout
    assert "Answers that are exactly the reference rise" in shown
    assert view["files"][0]["sha256"] in shown


def test_its_files_are_downloaded_and_those_that_are_there_are_kept(
    service: Service, tmp_path: Path
) -> None:
    job_id = service.job()
    content = service.file(job_id).read_bytes()
    view = service.json("download", job_id)
    assert view["folder"] == str(tmp_path / job_id)
    assert (tmp_path / job_id / "adapter.json").read_bytes() == content
    # Once whole, nothing is asked of the service again.
    service.file(job_id).unlink()
    assert service("download", job_id).exit_code == 0
    assert service("download", job_id, "--out", "other").exit_code == ExitCode.NOT_FOUND
    assert not (tmp_path / "other" / "adapter.json").exists()


def test_a_file_that_is_not_as_it_was_written_is_not_kept(service: Service, tmp_path: Path) -> None:
    job_id = service.job()
    service.file(job_id).write_text("something else")
    result = service("download", job_id, "--out", "there")
    assert result.exit_code == ExitCode.SERVICE_FAILED
    assert "did not arrive complete" in result.stderr
    assert list((tmp_path / "there").iterdir()) == []


def test_another_file_in_the_way_is_left_as_it_is(service: Service, tmp_path: Path) -> None:
    job_id = service.job()
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "adapter.json").write_text("mine")
    result = service("download", job_id, "--out", "there")
    assert result.exit_code == ExitCode.BAD_USAGE
    assert "exists with another content" in result.stderr
    assert (tmp_path / "there" / "adapter.json").read_text() == "mine"


def test_what_is_no_adapter_is_reported(service: Service) -> None:
    assert service("show", "training_none").exit_code == ExitCode.NOT_FOUND
    waiting = service.job(succeeds=False)
    result = service("download", waiting)
    assert (result.exit_code, "is queued" in result.stderr) == (ExitCode.BAD_USAGE, True)
    request = TrainingRequest(service.dataset.id, EvaluationJobOptions())
    measured = control.create_job(service.context, request, None).id
    assert service("show", measured).exit_code == ExitCode.NOT_FOUND
