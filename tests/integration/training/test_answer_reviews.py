"""People as judges over HTTP: a blind sheet goes out, filled sheets come back into the report."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from app.api.context import ApiContext
from app.cli.exits import ExitCode
from app.cli.main import app
from app.llm.scripted.model import reply
from tests.bench import OpenBench
from tests.conftest import MOSTLY_POSTGRESQL
from tests.dataset_versions import ROWS, imported
from tests.integration.training.test_training_api import Service
from tests.scripted_trainer import ScriptedTrainer
from tests.servers.api import running_api

pytestmark = MOSTLY_POSTGRESQL

_CSV = {"Content-Type": "text/csv"}


@pytest.fixture
def service(open_bench: OpenBench, tmp_path: Path) -> Iterator[Service]:
    with open_bench(reply, files_dir=tmp_path / "data" / "files") as bench:
        dataset = imported(bench.context, ROWS)
        context = ApiContext(bench.context, send=lambda _: None, broker_trouble=lambda: None)
        with running_api(context) as api:
            address = str(api.http.base_url.copy_with(path="/"))
            service = Service(bench.context, address, dataset.id, [])
            with service.http:
                yield service


@pytest.fixture
def job(service: Service) -> str:
    job_id = str(service.start().json()["id"])
    service.train(job_id, ScriptedTrainer(tasks=4, keeps_answers=True))
    return f"/v1/training-jobs/{job_id}"


def rows_of(sheet: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(sheet.decode("utf-8-sig"), newline="")))


def filled(sheet: bytes, level: Callable[[Mapping[str, str]], str]) -> bytes:
    """Rate every row of a sheet, as a person does who sees nothing but the row."""
    rows = rows_of(sheet)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows({**row, "rating": level(row)} for row in rows)
    return text.getvalue().encode()


def pleased_by_answers(row: Mapping[str, str]) -> str:
    return "A" if row["answer"] else "D"


def bring(service: Service, job: str, reviewer: str, sheet: bytes) -> httpx.Response:
    return service.http.put(f"{job}/reviews/{reviewer}", content=sheet, headers=_CSV)


def review_of(service: Service, job: str) -> Any:
    return service.http.get(job).json()["evaluation"]["review"]


def test_the_sheet_shows_every_answer_once_and_no_model(service: Service, job: str) -> None:
    answer = service.http.get(f"{job}/sheet")
    assert answer.headers["Content-Type"].startswith("text/csv")
    rows = rows_of(answer.content)
    assert len(rows) == 8
    assert sorted(row["answer"] for row in rows if row["answer"]) == sorted(
        row["output"] for row in ROWS[:4]
    )
    assert {row["rating"] for row in rows} == {""}
    models = {each["name"] for each in service.http.get(job).json()["evaluation"]["models"]}
    assert not models & {cell for row in rows for cell in row.values()}
    assert service.http.get(f"{job}/sheet").content == answer.content


def test_a_filled_sheet_goes_into_the_evaluation_its_words_and_the_report(
    service: Service, job: str
) -> None:
    sheet = service.http.get(f"{job}/sheet").content
    assert "No review sheet was returned." in service.http.get(f"{job}/report").text
    answer = bring(service, job, "Ada", filled(sheet, pleased_by_answers))
    assert answer.status_code == 200, answer.text
    (person,) = answer.json()["reviewers"]
    counts = {each["model"]: each["counts"] for each in person["models"]}
    assert counts["y"] == {"A": 4, "B": 0, "C": 0, "D": 0}
    assert counts["x"] == {"A": 0, "B": 0, "C": 0, "D": 4}
    assert review_of(service, job) == answer.json()
    words = service.http.get(job).json()["evaluation"]["words"]
    assert any(said.startswith("Ada finds 0.0 %") for said in words)
    page = service.http.get(f"{job}/report").text
    assert "reviewers did not know the model" in page
    assert '<th scope="row" dir="auto">Ada</th><td dir="auto">y</td>' in page


def test_the_same_sheet_twice_is_the_same_and_a_corrected_one_takes_its_place(
    service: Service, job: str
) -> None:
    sheet = service.http.get(f"{job}/sheet").content
    first = bring(service, job, "Ada", filled(sheet, pleased_by_answers)).json()
    assert bring(service, job, "Ada", filled(sheet, pleased_by_answers)).json() == first
    corrected = bring(service, job, "Ada", filled(sheet, lambda _: "B")).json()
    (person,) = corrected["reviewers"]
    assert [each["counts"]["B"] for each in person["models"]] == [4, 4]
    assert corrected["agreements"] == []


def test_a_second_person_s_sheet_gives_agreement_and_can_be_taken_out(
    service: Service, job: str
) -> None:
    sheet = service.http.get(f"{job}/sheet").content
    bring(service, job, "Zoe", filled(sheet, pleased_by_answers))

    def stern(row: Mapping[str, str]) -> str:
        return "C" if row["answer"] == "7" else pleased_by_answers(row)

    found = bring(service, job, "Ada", filled(sheet, stern)).json()
    assert [person["reviewer"] for person in found["reviewers"]] == ["Zoe", "Ada"]
    (agreed,) = found["agreements"]
    assert (agreed["one"], agreed["other"]) == ("Zoe", "Ada")
    assert (agreed["both_rated"], agreed["same"]) == (8, 7)
    assert 0 < agreed["kappa"] < 1
    preference = found["reviewers"][1]["preference"]
    assert (preference["better"], preference["worse"], preference["equal"]) == (4, 0, 0)
    row = '<th scope="row" dir="auto">Zoe</th><td dir="auto">Ada</td>'
    assert row in service.http.get(f"{job}/report").text
    assert service.http.delete(f"{job}/reviews/Zoe").status_code == 204
    assert [person["reviewer"] for person in review_of(service, job)["reviewers"]] == ["Ada"]
    assert service.http.delete(f"{job}/reviews/Zoe").status_code == 404
    service.http.delete(f"{job}/reviews/Ada")
    assert review_of(service, job) is None


def test_faults_are_named_by_line_and_field_and_nothing_of_the_sheet_is_kept(
    service: Service, job: str
) -> None:
    sheet = service.http.get(f"{job}/sheet").content
    rows = filled(sheet, lambda _: "A").decode().splitlines()
    rows[3] = rows[3].replace(",A,", ",E,")
    rows[5] = rows[5].replace(rows[5].partition(",")[0], "abcdef-0001")
    answer = bring(service, job, "Ada", "\n".join(rows).encode())
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    faults = answer.json()["faults"]
    assert [(fault["line"], fault["field"]) for fault in faults] == [(4, "rating"), (6, "item")]
    assert "no rating" in faults[0]["message"]
    assert review_of(service, job) is None
    for nothing in (b"", b"a,b\n1,2\n", b"\xff\xfe", sheet):
        assert bring(service, job, "Ada", nothing).status_code == 422
    assert review_of(service, job) is None


def test_the_command_line_takes_a_sheet_to_a_person_and_back(
    service: Service, job: str, tmp_path: Path
) -> None:
    out, job_id = tmp_path / "ada.csv", job.rpartition("/")[2]

    def seedbed(*arguments: str) -> Result:
        address = str(service.http.base_url)
        return CliRunner().invoke(app, ["evaluations", *arguments, "--api", address])

    written = seedbed("sheet", job_id, "--out", str(out))
    assert written.exit_code == ExitCode.OK, written.output
    empty = seedbed("read", job_id, str(out))
    assert empty.exit_code == ExitCode.BAD_USAGE
    assert "no row has a rating" in empty.output
    out.write_bytes(filled(out.read_bytes(), pleased_by_answers))
    read = seedbed("read", job_id, str(out))
    assert read.exit_code == ExitCode.OK, read.output
    assert "ada finds 0.0 %" in read.output
    assert review_of(service, job)["reviewers"][0]["reviewer"] == "ada"
    assert seedbed("sheet", "training_none").exit_code == ExitCode.NOT_FOUND


def test_another_job_s_sheet_is_none_of_this(service: Service, job: str) -> None:
    other = service.start(**{"Idempotency-Key": "other"}).json()["id"]
    service.train(other, ScriptedTrainer(tasks=4, keeps_answers=True))
    sheet = service.http.get(f"/v1/training-jobs/{other}/sheet").content
    answer = bring(service, job, "Ada", filled(sheet, lambda _: "A"))
    assert answer.status_code == 422
    assert "another sheet" in answer.json()["faults"][0]["message"]


def test_without_an_evaluation_there_is_no_sheet(service: Service) -> None:
    job_id = service.start().json()["id"]
    for status, place in ((409, job_id), (404, "training_none")):
        assert service.http.get(f"/v1/training-jobs/{place}/sheet").status_code == status
        answer = bring(service, f"/v1/training-jobs/{place}", "Ada", b"item,rating\n")
        assert answer.status_code == status
    assert service.http.delete(f"/v1/training-jobs/{job_id}/reviews/Ada").status_code == 404
