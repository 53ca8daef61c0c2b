"""Request ids: in the answer, in problem details and in the log."""

import logging

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.api import problems
from app.api.request_ids import HEADER, RequestIds
from tests.unit.api.conftest import Service

KEY = "sb_0123456789abcdef012345_" + "5a" * 32


@pytest.mark.parametrize(
    ("given", "is_kept"),
    [
        ("a-b_c.d:1", True),
        ("0" * 128, True),
        ("0" * 129, False),
        ("with space", False),
        ('quote"', False),
        ("", False),
        (KEY, False),
    ],
)
def test_a_well_formed_id_is_kept_and_another_is_replaced(
    service: Service, given: str, is_kept: bool
) -> None:
    answer = service.http.get("/v1/runs/none", headers={HEADER: given})
    got = answer.headers[HEADER]
    assert (got == given) is is_kept
    assert len(got) > 16 or is_kept
    assert answer.json()["request_id"] == got


def test_a_key_in_the_place_of_an_id_is_not_quoted(service: Service) -> None:
    answer = service.http.get(f"/v1/runs/{KEY}")
    assert answer.status_code == 404
    assert "5a5a" not in answer.text


def test_each_request_without_an_id_gets_its_own(service: Service) -> None:
    got = {service.http.get("/v1/health").headers[HEADER] for _ in range(3)}
    assert len(got) == 3


def test_a_refused_request_has_an_id(service: Service) -> None:
    answer = service.http.get("/v1/runs", headers={"Host": "example.com", HEADER: "one"})
    assert answer.status_code == 403
    assert (answer.headers[HEADER], answer.json()["request_id"]) == ("one", "one")


def test_a_defect_is_answered_and_logged_with_the_id(caplog: pytest.LogCaptureFixture) -> None:
    api = FastAPI()
    problems.install(api)
    api.add_middleware(RequestIds)

    @api.get("/")
    def fail() -> None:
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR):
        client = TestClient(api, raise_server_exceptions=False)
        answer = client.get("/", headers={HEADER: "mine"})
    assert answer.status_code == 500
    assert (answer.headers[HEADER], answer.json()["request_id"]) == ("mine", "mine")
    assert "failed" in caplog.text
