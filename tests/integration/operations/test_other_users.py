"""A service without keys, asked by its own user and by another user of the machine."""

import os
from pathlib import Path

import httpx
import pytest

from app.api.application import build_api
from app.api.context import ApiContext
from app.services.access import api_keys
from app.services.access.key_form import Scope
from app.store.database import Database
from tests.servers.api import running_api
from tests.servers.other_user import USER, proxy_of_another_user
from tests.unit.services.conftest import context_of


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_another_user_or_its_proxy_gets_nothing_of_a_service_without_keys(
    sqlite_url: str, tmp_path: Path
) -> None:
    database = Database(sqlite_url)
    context = ApiContext(
        context_of(database, tmp_path), send=lambda _: None, broker_trouble=lambda: None
    )
    schema = build_api(context).openapi()
    operations = [
        (method.upper(), path.format_map(_Anything()))
        for path, of_path in schema["paths"].items()
        for method in of_path
    ]
    with running_api(context) as api, proxy_of_another_user(api.http.base_url.port or 0) as port:
        # As nginx sends it with nothing but `proxy_pass`: the service's host, and no other header.
        host = {"Host": f"127.0.0.1:{api.http.base_url.port}"}
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", headers=host, trust_env=False
        ) as theirs:
            for method, path in [*operations, ("GET", "/docs"), ("GET", "/openapi.json")]:
                answer = theirs.request(method, path)
                if path == "/v1/health":
                    assert answer.status_code == 200
                else:
                    assert answer.status_code == 403, (method, path)
                    assert f"user id {USER}" in answer.json()["detail"]
            assert api.http.get("/runs").status_code == 200
            assert api.http.get("/ready").status_code == 200
            new = api_keys.create_key(database, "a", [Scope.READ])
            assert theirs.get("/v1/runs").status_code == 401
            assert theirs.get("/v1/ready").status_code == 401
            key = {"Authorization": f"Bearer {new.key}"}
            assert theirs.get("/v1/runs", headers=key).status_code == 200
    database.close()


class _Anything(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return f"any_{key}"
