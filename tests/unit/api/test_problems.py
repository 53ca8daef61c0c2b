"""Every anticipated failure has its status, in one place."""

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.api.problems import install
from app.errors import Conflict, Fault, HubTrouble, InvalidInput, OutOfSpace, SeedbedError


def _client_of(failure: SeedbedError) -> TestClient:
    api = FastAPI()
    install(api)

    @api.get("/")
    def fail() -> None:
        raise failure

    return TestClient(api)


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (OutOfSpace("No space is left to write x."), 507),
        (HubTrouble("The hub does not answer."), 502),
        (Conflict("It is there."), 409),
        (InvalidInput("No.", [Fault("wrong", field="format")]), 422),
    ],
)
def test_a_failure_is_answered_with_its_status_and_its_words(
    failure: SeedbedError, status: int
) -> None:
    answer = _client_of(failure).get("/")

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"] == str(failure)
