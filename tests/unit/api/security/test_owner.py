"""The owner of a service without keys: by the kernel's word, or else by the token."""

import os
from pathlib import Path
from urllib.parse import urlencode

import pytest
from starlette.requests import HTTPConnection
from starlette.testclient import TestClient

from app.api.application import build_api
from app.api.context import ApiContext
from app.api.security.owner import Owner, hide_token
from app.services.access import api_keys
from app.services.access.key_form import Scope
from app.services.context import ServiceContext
from app.stack.owner_token import make_owner_token

ADDRESS = "http://127.0.0.1:8000"
OTHER_USER = os.geteuid() + 1


@pytest.fixture
def token(tmp_path: Path) -> str:
    return str(make_owner_token(tmp_path))


def client_of(context: ServiceContext, folder: Path, user: int | None) -> TestClient:
    """Requests of one user, or of one who is not known, as a browser keeps cookies."""
    api = ApiContext(context, send=lambda _: None, broker_trouble=lambda: None)
    return TestClient(
        build_api(api, Owner(folder, lambda _: user)),
        base_url=ADDRESS,
        client=("127.0.0.1", 50_000),
        follow_redirects=False,
    )


def test_the_owner_needs_no_token(context: ServiceContext, tmp_path: Path) -> None:
    client = client_of(context, tmp_path, os.geteuid())
    for path in ("/v1/runs", "/docs", "/v1/ready"):
        assert client.get(path).status_code == 200, path
    assert client.post("/v1/runs", json={}).status_code == 422


def test_another_user_is_refused_whatever_is_sent(
    context: ServiceContext, tmp_path: Path, token: str
) -> None:
    client = client_of(context, tmp_path, OTHER_USER)
    sent = [
        {},
        {"headers": {"Authorization": f"Bearer {token}"}},
        {"headers": {"Cookie": f"seedbed_8000={token}"}},
        {"params": {"token": token}},
    ]
    for more in sent:
        for path in ("/v1/runs", "/docs", "/openapi.json", "/v1/ready"):
            answer = client.get(path, **more)  # type: ignore[arg-type] # of either option
            assert answer.status_code == 403, path
            assert "another user" in answer.json()["detail"]
            assert "set-cookie" not in answer.headers
    assert client.get("/v1/health").status_code == 200


def test_who_is_not_known_needs_the_token(
    context: ServiceContext, tmp_path: Path, token: str
) -> None:
    client = client_of(context, tmp_path, None)
    wrong = token[:-1] + ("0" if token[-1] != "0" else "1")
    for sent in ("", wrong, "sb_local_", f"sb_{'0' * 22}_{'0' * 64}", token.upper()):
        answer = client.get("/v1/runs", headers={"Authorization": f"Bearer {sent}"})
        assert answer.status_code == 403, sent
        assert "owner.token" in answer.json()["detail"]
        assert client.get("/docs", params={"token": sent}).status_code == 403
    with_token = {"Authorization": f"Bearer {token}"}
    assert client.get("/v1/runs", headers=with_token).status_code == 200
    assert client.post("/v1/runs", json={}, headers=with_token).status_code == 422
    # An address changes nothing: another page can't be made to send one.
    assert client.post("/v1/runs", json={}, params={"token": token}).status_code == 403


def test_a_browser_keeps_the_token_of_the_address_as_a_cookie(
    context: ServiceContext, tmp_path: Path, token: str
) -> None:
    client = client_of(context, tmp_path, None)
    assert client.get("/docs").status_code == 403
    moved = client.get("/docs", params={"token": token, "a": "b c"})
    assert (moved.status_code, moved.headers["Location"]) == (303, "/docs?a=b+c")
    cookie = moved.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    # The client keeps it, as a browser does.
    for path in ("/docs", "/openapi.json", "/v1/runs"):
        assert client.get(path).status_code == 200, path
    assert client.post("/v1/runs", json={}, headers={"Origin": ADDRESS}).status_code == 422


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.com"},
        {"Origin": "http://127.0.0.1:9000"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "rebound.example.com"},
        {"X-Forwarded-For": "127.0.0.1"},
    ],
)
def test_a_foreign_page_cannot_use_the_cookie(
    context: ServiceContext, tmp_path: Path, token: str, headers: dict[str, str]
) -> None:
    client = client_of(context, tmp_path, None)
    client.get("/docs", params={"token": token})
    assert client.post("/v1/runs", json={}).status_code == 422
    assert client.post("/v1/runs", json={}, headers=headers).status_code == 403


def test_the_token_leads_to_no_other_host(
    context: ServiceContext, tmp_path: Path, token: str
) -> None:
    client = client_of(context, tmp_path, os.geteuid())
    answer = client.get(f"{ADDRESS}//example.com/%0d%0aX: y", params={"token": token})
    assert (answer.status_code, answer.headers["Location"]) == (
        303,
        "/example.com/%0D%0AX%3A%20y",
    )


def test_the_server_never_logs_the_token() -> None:
    query = urlencode({"a": "b c", "token": "secret"}).encode()
    connection = HTTPConnection({"type": "http", "query_string": query})
    hide_token(connection)
    # The server logs what is left in the scope; the check has read the token before.
    assert connection.scope["query_string"] == b"a=b+c"
    assert connection.query_params.get("token") == "secret"


def test_the_cookie_is_for_one_port(context: ServiceContext, tmp_path: Path, token: str) -> None:
    client = client_of(context, tmp_path, None)
    for port, status in ((8000, 200), (8001, 403)):
        answer = client.get("/v1/runs", headers={"Cookie": f"seedbed_{port}={token}"})
        assert answer.status_code == status


def test_once_a_key_was_made_the_token_opens_nothing(
    context: ServiceContext, tmp_path: Path, token: str
) -> None:
    new = api_keys.create_key(context.database, "a", [Scope.READ])
    for user in (None, os.geteuid()):
        client = client_of(context, tmp_path, user)
        answer = client.get("/v1/runs", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401
        assert "needs an API key" in answer.json()["detail"]
        key = {"Authorization": f"Bearer {new.key}"}
        assert client.get("/v1/runs", headers=key).status_code == 200


def test_readiness_is_not_for_other_users_and_proxies(
    context: ServiceContext, tmp_path: Path
) -> None:
    api_keys.create_key(context.database, "a", [Scope.READ])
    for user, headers, status in (
        (os.geteuid(), {}, 200),
        (None, {}, 200),
        (OTHER_USER, {}, 401),
        (os.geteuid(), {"X-Real-IP": "203.0.113.9"}, 401),
    ):
        client = client_of(context, tmp_path, user)
        assert client.get("/v1/ready", headers=headers).status_code == status, (user, headers)


def test_without_a_folder_there_is_no_token(context: ServiceContext, token: str) -> None:
    api = ApiContext(context, send=lambda _: None, broker_trouble=lambda: None)
    client = TestClient(build_api(api), base_url=ADDRESS, client=("127.0.0.1", 50_000))
    # No connection, so no user is known.
    answer = client.get("/v1/runs", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 403
