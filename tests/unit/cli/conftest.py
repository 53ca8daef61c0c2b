"""The command line in a folder of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli.service.client import ServiceClient
from app.cli.service.find_service import Service
from app.stack.environment import variable_names
from tests.unit.cli.command_line import Seedbed
from tests.unit.cli.stand_in import StandIn, stand_in


@pytest.fixture
def seedbed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Seedbed]:
    monkeypatch.chdir(tmp_path)
    for name in variable_names().values():
        monkeypatch.delenv(name, raising=False)
    with stand_in() as service:
        yield Seedbed(service, tmp_path)


@pytest.fixture
def service() -> Iterator[StandIn]:
    with stand_in() as service:
        yield service


@pytest.fixture
def connected(service: StandIn) -> Iterator[Service]:
    with ServiceClient(service.url, through_proxy=False) as client:
        yield Service(client)
