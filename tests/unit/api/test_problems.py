"""Every anticipated failure has its status, in one place."""

import pytest
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, field_validator
from starlette.testclient import TestClient

from app.api.problems import install
from app.errors import Conflict, Fault, HubError, InvalidInput, OutOfSpace, SeedbedError


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
        (HubError("The hub does not answer."), 502),
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


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    share: float = 0.0

    @field_validator("share")
    @classmethod
    def _is_a_share(cls, share: float) -> float:
        if share > 1:
            raise ValueError("a share is at most 1")
        return share


def test_what_a_request_breaks_is_reported_in_words_that_need_no_knowledge_of_pydantic() -> None:
    api = FastAPI()
    install(api)

    @api.post("/")
    def take(_: _Asked) -> None: ...

    answer = TestClient(api).post("/", json={"share": 2, "sahre": 1})

    assert answer.status_code == 422
    reported = {fault["field"]: fault["message"] for fault in answer.json()["faults"]}
    assert reported == {"share": "a share is at most 1", "sahre": "unknown field"}
