"""Shared by the unit tests of the API: the application on SQLite, asked from this machine."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from starlette.testclient import TestClient

from app.api.application import build_api
from app.api.context import ApiContext, Following
from app.services.context import ServiceContext
from tests.owners import OWN_USER
from tests.unit.services.conftest import (
    context,
    database_url,
    grown,
    grown_file,
)

__all__ = ["context", "database_url", "grown", "grown_file"]


@dataclass
class Service:
    """The application, and what it sent to workers; no worker runs."""

    context: ServiceContext
    http: TestClient
    sent: list[tuple[str, str]] = field(default_factory=list)
    """Kind of work and id."""


def client_of(context: ServiceContext, sent: list[tuple[str, str]]) -> TestClient:
    api_context = ApiContext(
        context,
        send=lambda id_: sent.append(("run", id_)),
        broker_trouble=lambda: None,
        send_dataset=lambda id_: sent.append(("data set", id_)),
        send_training_job=lambda id_: sent.append(("training job", id_)),
        following=Following(poll_s=0.01),
    )
    address = "http://127.0.0.1:8000"
    return TestClient(
        build_api(api_context, OWN_USER), base_url=address, client=("127.0.0.1", 50_000)
    )


@pytest.fixture
def service(context: ServiceContext) -> Iterator[Service]:
    """The application on an empty database."""
    sent: list[tuple[str, str]] = []
    with client_of(context, sent) as http:
        yield Service(context, http, sent)


@pytest.fixture
def grown_service(grown: ServiceContext) -> Iterator[Service]:
    """The application on a database with one finished run of six instructions."""
    sent: list[tuple[str, str]] = []
    with client_of(grown, sent) as http:
        yield Service(grown, http, sent)
