"""The routes of data sets: make, import, read, describe, download."""

import gzip
import io
import json
import zipfile
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from app.errors import InvalidInput
from app.formats.limits import ReadLimits
from app.services.context import ServiceContext
from app.services.datasets import make, reports
from app.services.datasets.files import download_cache
from app.services.datasets.sources import read_dataset
from app.services.training.trainers.split_rows import split_dataset
from app.training.plain.option_groups import EvaluationOptions
from tests.dataset_versions import ROWS
from tests.unit.api.conftest import Service, client_of

PARAMETERS = {"name": "ours", "format": "alpaca"}


def imported(service: Service, **params: Any) -> dict[str, Any]:
    """A version that is ready, out of an uploaded file."""
    answer = service.http.post(
        "/v1/datasets/import", params={**PARAMETERS, **params}, content=json.dumps(ROWS)
    )
    assert answer.status_code == 202, answer.text
    return made(service, answer.headers["Location"])


def made(service: Service, address: str) -> dict[str, Any]:
    make.make_dataset(service.context, address.rpartition("/")[2], lambda: False)
    dataset: dict[str, Any] = service.http.get(address).json()
    assert dataset["state"] == "ready"
    return dataset


def test_a_file_is_imported_once(service: Service) -> None:
    dataset = imported(service, licence="mit", source="https://example.com/rows")
    assert (dataset["name"], dataset["version"], dataset["row_count"]) == ("ours", 1, len(ROWS))
    assert dataset["is_import"]
    assert dataset["recipe"]["licence"] == "mit"
    assert service.sent == [("data set", dataset["id"])]
    again = service.http.post(
        "/v1/datasets/import",
        params={**PARAMETERS, "licence": "mit", "source": "https://example.com/rows"},
        content=json.dumps(ROWS),
    )
    assert (again.status_code, again.json()["id"]) == (200, dataset["id"])
    assert again.headers["Location"] == f"/v1/datasets/{dataset['id']}"
    assert len(service.sent) == 1
    uploads = service.context.files_dir / "uploads"
    assert list(uploads.glob("*.upload")) == []


def test_a_file_over_a_limit_is_refused_with_the_number_and_the_setting(
    context: ServiceContext,
) -> None:
    limits = ReadLimits(any_ratio_bytes=1_000)
    small = replace(context, import_max_bytes=10_000, read_limits=limits)
    bomb = gzip.compress(b" " * 300_000)
    with client_of(small, []) as http:
        for body, what in (
            (bomb, "over 100 times as many (SEEDBED_IMPORT_MAX_RATIO)"),
            (b"x" * 10_001, "it has more than 10,000 bytes (SEEDBED_IMPORT_MAX_MIB)"),
            # Without a length that would be refused before the body is read.
            (iter([b"x" * 10_001]), "it has more than 10,000 bytes (SEEDBED_IMPORT_MAX_MIB)"),
        ):
            answer = http.post("/v1/datasets/import", params=PARAMETERS, content=body)
            assert answer.status_code == 413, answer.text
            assert answer.json()["faults"][0]["message"].endswith(what)
        assert http.get("/v1/datasets").json()["items"] == []
    assert list((context.files_dir / "uploads").glob("*.upload")) == []


def test_a_large_compressed_file_is_imported_whole(service: Service) -> None:
    row = {"instruction": "Name a colour.", "input": "", "output": "x" * 100_000}
    rows = [{**row, "instruction": f"Name colour {n}."} for n in range(25)]
    text = json.dumps(rows).encode()
    assert len(text) > 2 * 1024 * 1024
    packed = gzip.compress(text)
    for name, body in (("plain", text), ("packed", packed)):
        params = {**PARAMETERS, "name": name}
        answer = service.http.post("/v1/datasets/import", params=params, content=body)
        assert answer.status_code == 202, answer.text
        assert made(service, answer.headers["Location"])["row_count"] == 25


def test_columns_and_skipped_rows_are_options_of_an_import(service: Service) -> None:
    lines = '{"question": "Name a colour.", "output": "Red."}\nno json\n'
    answer = service.http.post(
        "/v1/datasets/import",
        params={
            "name": "other",
            "format": "alpaca_jsonl",
            "columns": '{"instruction": "question"}',
            "skip_unreadable": True,
        },
        content=lines,
    )
    assert answer.status_code == 202, answer.text
    dataset = made(service, answer.headers["Location"])
    assert (dataset["row_count"], dataset["dropped_count"]) == (1, 1)
    (drop,) = service.http.get(f"/v1/datasets/{dataset['id']}/drops").json()["items"]
    assert drop["reason"] == "not_json"


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"columns": "{"}, "columns"),
        ({"columns": "[1]"}, "columns"),
        ({"format": "none"}, "format"),
        ({"vicuna": True}, None),
        ({"most_characters": 0}, "most_characters"),
        ({"name": "a b"}, "name"),
        ({"name": ""}, "name"),
        ({"name": "n" * 101}, "name"),
        ({"source": "s" * 501}, "source"),
    ],
)
def test_a_faulty_import_is_refused(
    service: Service, params: dict[str, Any], field: str | None
) -> None:
    answer = service.http.post(
        "/v1/datasets/import", params={**PARAMETERS, **params}, content=json.dumps(ROWS)
    )
    assert answer.status_code == 422, answer.text
    assert field in {None, answer.json()["faults"][0]["field"]}
    assert service.http.get("/v1/datasets").json()["items"] == []


def test_an_empty_body_is_no_file(service: Service) -> None:
    answer = service.http.post("/v1/datasets/import", params=PARAMETERS)
    assert answer.json()["detail"] == "The body is empty; send the file as the body."


def test_a_version_is_made_once_from_other_versions(service: Service) -> None:
    source = imported(service)
    body = {
        "name": "mixed",
        "recipe": {"sources": [{"dataset_id": source["id"]}], "split": {"test_share": 0.5}},
    }
    answer = service.http.post("/v1/datasets", json=body)
    assert answer.status_code == 202, answer.text
    dataset = made(service, answer.headers["Location"])
    assert ("data set", dataset["id"]) in service.sent
    again = service.http.post("/v1/datasets", json=body)
    assert (again.status_code, again.json()["id"]) == (200, dataset["id"])
    listed = service.http.get("/v1/datasets").json()["items"]
    assert [one["name"] for one in listed] == ["mixed", "ours"]
    (named,) = service.http.get("/v1/datasets", params={"name": "mixed"}).json()["items"]
    assert named["id"] == dataset["id"]
    manifest = service.http.get(f"/v1/datasets/{dataset['id']}/manifest").json()
    assert sum(manifest["splits"].values()) == manifest["row_count"]
    address = f"/v1/datasets/{dataset['id']}"
    assert service.http.delete(address).status_code == 204
    assert service.http.get(address).status_code == 404


def test_rows_are_read_page_by_page(service: Service) -> None:
    address = f"/v1/datasets/{imported(service)['id']}/rows"
    page = service.http.get(address, params={"limit": 3}).json()
    assert [row["position"] for row in page["items"]] == [0, 1, 2]
    rest = service.http.get(address, params={"cursor": page["next_cursor"]}).json()
    assert [row["position"] for row in rest["items"]] == [3, 4, 5, 6]
    assert rest["next_cursor"] is None


def test_the_manifest_names_the_licences_of_the_version_and_of_its_sources(
    grown_service: Service,
) -> None:
    service = grown_service
    licensed = imported(service, licence="mit")
    (run,) = service.http.get("/v1/runs").json()["items"]
    for name, sources, licence, licences, unknown in (
        ("one", [{"dataset_id": licensed["id"]}], "cc0-1.0", ["cc0-1.0", "mit"], False),
        ("two", [{"dataset_id": licensed["id"]}, {"run_id": run["id"]}], None, ["mit"], True),
        ("three", [{"run_id": run["id"]}], "cc0-1.0", ["cc0-1.0"], True),
    ):
        recipe = {"sources": sources, "licence": licence}
        answer = service.http.post("/v1/datasets", json={"name": name, "recipe": recipe})
        assert answer.status_code == 202, answer.text
        dataset = made(service, answer.headers["Location"])
        manifest = service.http.get(f"/v1/datasets/{dataset['id']}/manifest").json()
        assert (manifest["licences"], manifest["licence_unknown"]) == (licences, unknown), name
        assert manifest["content_sha256"] == dataset["content_sha256"]
        assert len(manifest["sources"]) == len(sources)


def test_a_version_is_described_in_every_form(service: Service) -> None:
    dataset_id = imported(service)["id"]
    address = f"/v1/datasets/{dataset_id}"
    plot = min(reports.plots_of(service.context, dataset_id))
    for path, media_type, text in (
        ("report", "text/html; charset=utf-8", "<!doctype html>"),
        ("card", "text/markdown; charset=utf-8", "# "),
        (f"plots/{plot}.svg", "image/svg+xml", "<svg"),
        ("statistics", "application/json", "splits"),
    ):
        answer = service.http.get(f"{address}/{path}")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, media_type), path
        assert text in answer.text.lower(), path
    answer = service.http.get(f"{address}/plots/none.svg")
    assert (answer.status_code, answer.json()["detail"]) == (
        404, "There is no plot with the id 'none'.",
    )  # fmt: skip


def test_two_versions_are_compared(service: Service) -> None:
    old = imported(service)
    rows = [{**ROWS[0], "output": "Blue."}, *ROWS[1:3], {**ROWS[1], "instruction": "Subtract."}]
    answer = service.http.post("/v1/datasets/import", params=PARAMETERS, content=json.dumps(rows))
    new = made(service, answer.headers["Location"])
    address = f"/v1/datasets/{new['id']}/compare/{old['id']}"
    found = service.http.get(address).json()
    assert (found["new_id"], found["old_id"]) == (new["id"], old["id"])
    assert (found["added"], found["changed"], found["same"]) == (1, 1, 2)
    assert len(found["changes"]) == found["added"] + found["removed"] + found["changed"]
    for limit, status, listed in ((0, 200, 0), (1, 200, 1), (1000, 200, None), (1001, 422, None)):
        answer = service.http.get(address, params={"limit": limit})
        assert answer.status_code == status
        if listed is not None:
            assert len(answer.json()["changes"]) == listed


def test_a_file_that_was_sent_may_be_removed_and_is_made_again(service: Service) -> None:
    address = f"/v1/datasets/{imported(service)['id']}/download"
    first = service.http.get(address)
    service.http.get(address, headers={"If-None-Match": first.headers["ETag"]})
    download_cache(replace(service.context, downloads_bytes=1)).make_space()
    assert list((service.context.files_dir / "downloads").iterdir()) == []
    again = service.http.get(address)
    assert (again.content, again.headers["ETag"]) == (first.content, first.headers["ETag"])


def test_a_download_has_its_hash_and_can_be_resumed(service: Service) -> None:
    dataset = imported(service)
    address = f"/v1/datasets/{dataset['id']}/download"
    whole = service.http.get(address)
    assert whole.status_code == 200
    sha256 = whole.headers["Content-SHA256"]
    assert whole.headers["ETag"] == f'"{sha256}"'
    assert whole.headers["Cache-Control"] == "no-cache"
    assert whole.headers["X-Row-Count"] == str(len(whole.json()))
    assert 'filename="ours-v1.' in whole.headers["Content-Disposition"]
    for tag in ("*", f'"{sha256}"', f'"other", W/"{sha256}"'):
        answer = service.http.get(address, headers={"If-None-Match": tag})
        assert (answer.status_code, answer.content) == (304, b""), tag
        assert answer.headers["ETag"] == f'"{sha256}"'
    assert service.http.get(address, headers={"If-None-Match": '"other"'}).status_code == 200
    part = service.http.get(address, headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, whole.content[5:10])


def test_a_format_has_its_options_and_its_media_type(service: Service) -> None:
    address = f"/v1/datasets/{imported(service)['id']}/download"
    lines = service.http.get(address, params={"format": "alpaca_jsonl"})
    assert len(lines.text.splitlines()) == int(lines.headers["X-Row-Count"])
    hub = service.http.get(address, params={"format": "hub"})
    assert hub.status_code == 200, hub.text
    for params in ({"format": "none"}, {"split": "none"}):
        assert service.http.get(address, params=params).status_code == 422, params


def test_a_push_needs_a_token(service: Service) -> None:
    address = f"/v1/datasets/{imported(service)['id']}/push"
    answer = service.http.post(address, json={"repo": "owner/name"})
    assert answer.status_code == 503
    assert "token" in answer.json()["detail"]
    for repo in ("", "r" * 201):
        assert service.http.post(address, json={"repo": repo}).status_code == 422


def test_a_version_that_is_not_ready_cannot_be_read(service: Service) -> None:
    source = imported(service)
    body = {"name": "mixed", "recipe": {"sources": [{"dataset_id": source["id"]}]}}
    address = service.http.post("/v1/datasets", json=body).headers["Location"]
    for path in ("download", "manifest", "report", "card", "statistics"):
        assert service.http.get(f"{address}/{path}").status_code == 409, path


REVIEWS = [
    {"instruction": "Tell the sentiment.", "input": f"A {word} thing: {n}", "output": word}
    for n in range(10)
    for word in ("good", "bad")
]


def marks_of(service: Service, dataset_id: str) -> list[bool | None]:
    rows = service.http.get(f"/v1/datasets/{dataset_id}/rows").json()["items"]
    return [row["is_classification"] for row in rows]


def imported_body(service: Service, body: bytes | str, **params: Any) -> str:
    answer = service.http.post("/v1/datasets/import", params=params, content=body)
    assert answer.status_code == 202, answer.text
    return str(made(service, answer.headers["Location"])["id"])


def test_imported_rows_can_be_marked_as_classification_rows(service: Service) -> None:
    body = json.dumps(REVIEWS)
    plain = imported_body(service, body, name="plain", format="alpaca")
    dataset_id = imported_body(service, body, name="marked", format="alpaca", classification=True)

    assert set(marks_of(service, plain)) == {None}
    assert marks_of(service, dataset_id) == [True] * len(REVIEWS)
    manifest = service.http.get(f"/v1/datasets/{dataset_id}/manifest").json()
    assert manifest["classification_rows"] == len(REVIEWS)
    rows = list(read_dataset(service.context, dataset_id, len(REVIEWS)))
    split = split_dataset(rows, EvaluationOptions(), seed=1, task="labels")
    assert len(split.training) + len(split.held_out) == len(REVIEWS)
    rows = list(read_dataset(service.context, plain, len(REVIEWS)))
    with pytest.raises(InvalidInput) as refused:
        split_dataset(rows, EvaluationOptions(), seed=1, task="labels")
    assert "--classification" in refused.value.faults[0].message


def test_marks_survive_a_download_and_an_import(service: Service) -> None:
    rows = [{**row, "is_classification": (True, False, None)[n % 3]} for n, row in enumerate(ROWS)]
    dataset_id = imported_body(service, json.dumps(rows), name="first", format="alpaca")
    marks = marks_of(service, dataset_id)
    assert marks[:3] == [True, False, None]
    address = f"/v1/datasets/{dataset_id}/download"
    for name in ("jsonl", "alpaca", "alpaca_jsonl", "csv", "parquet"):
        query = {"format": name} | ({} if name == "jsonl" else {"classification_column": True})
        file = service.http.get(address, params=query)
        assert "X-Marks-Left-Out" not in file.headers
        again = imported_body(service, file.content, name=name, format=name)
        assert marks_of(service, again) == marks, name
    for name in ("alpaca", "messages"):
        file = service.http.get(address, params={"format": name})
        assert file.headers["X-Marks-Left-Out"] == str(marks.count(True))


def test_names_of_any_script_work_from_import_to_download(service: Service) -> None:
    names = (
        "\u30c7\u30fc\u30bf",
        "\u0939\u093f\u0928\u094d\u0926\u0940",
        "\u0434\u0430\u043d\u043d\u044b\u0435-2",
        "\u00e9tude.v1",
        "\u6570" * 100,
    )
    for name in names:
        dataset_id = imported_body(service, json.dumps(ROWS), name=name, format="alpaca")
        (found,) = service.http.get("/v1/datasets", params={"name": name}).json()["items"]
        assert (found["id"], found["name"]) == (dataset_id, name)
        address = f"/v1/datasets/{dataset_id}/download"
        file = service.http.get(address, params={"format": "csv"})
        quoted = f"filename*=utf-8''{quote(f'{name}-v1.all.csv.csv')}"
        assert quoted in file.headers["Content-Disposition"]
        archive = service.http.get(address, params={"format": "hub"})
        assert archive.status_code == 200, archive.text
        with zipfile.ZipFile(io.BytesIO(archive.content)) as content:
            tops = {entry.partition("/")[0] for entry in content.namelist()}
            info = next(entry for entry in content.namelist() if entry.endswith("info.json"))
            assert json.loads(content.read(info))[name]
        (top,) = tops
        assert name.startswith(top)
        assert len(top.encode()) <= 255
