"""Authorisation over HTTP, with the real application on a real database of either kind."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from anyio import CapacityLimiter
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy import select
from starlette.types import Message

from app.api.application import build_api
from app.api.context import ApiContext
from app.api.documentation.page import ADDRESSES
from app.api.security.access import (
    HEALTH,
    READINESS,
    Access,
    refuse_to_listen_openly,
)
from app.errors import ConfigurationError
from app.llm.parallel.calls import Endpoint
from app.services.access import api_keys
from app.services.access.key_form import Scope
from app.services.context import ServiceContext
from app.store.database import Database
from app.store.tables.api_keys import ApiKey
from tests.conftest import MOSTLY_POSTGRESQL
from tests.owners import OWN_USER

pytestmark = MOSTLY_POSTGRESQL

ELSEWHERE = "203.0.113.9"
LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0"  # noqa: S104 nothing is bound


@dataclass(frozen=True)
class Door:
    """The application, asked from an address of the test's choice."""

    api: FastAPI
    database: Database

    def ask(self, method: str, path: str, key: str | None = None, **more: Any) -> httpx.Response:
        return asyncio.run(self.asked(method, path, key, **more))

    async def asked(
        self,
        method: str,
        path: str,
        key: str | None = None,
        *,
        client: str = LOOPBACK,
        host: str = "127.0.0.1:8000",
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> httpx.Response:
        sent = {"Authorization": f"Bearer {key}"} if key else {}
        transport = httpx.ASGITransport(self.api, client=(client, 50_000))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as http:
            return await http.request(method, path, headers={**sent, **(headers or {})}, **more)

    def key(self, *scopes: Scope) -> str:
        return api_keys.create_key(self.database, "+".join(scopes), scopes).key

    def routes(self) -> list[tuple[str, str]]:
        """Every method and path there is."""
        found = [
            (method, str(route.path_format).format_map(_Anything()))
            for route in iter_route_contexts(self.api.routes)
            # HEAD is answered as GET is, but without the words.
            for method in (route.methods or set()) - {"HEAD"}
        ]
        assert len(found) > 20
        return found


class _Anything(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return f"any_{key}"


@pytest.fixture
def door(database: Database) -> Door:
    context = ServiceContext(
        database=database,
        endpoints=[Endpoint("nowhere", lambda _: pytest.fail("no model is asked here"))],
        default_model="m",
        concurrency=1,
        slice_s=1.0,
        lease_s=1.0,
    )
    api_context = ApiContext(context, send=lambda _: None, broker_trouble=lambda: None)
    return Door(build_api(api_context, OWN_USER), database)


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    said: dict[str, Any] = answer.json()
    assert said["status"] == status
    return said


def test_once_there_is_a_key_no_route_but_those_named_answers_without_one(door: Door) -> None:
    key = door.key(Scope.READ)
    open_to_all = {HEALTH, *ADDRESSES}
    for method, path in door.routes():
        for client in (LOOPBACK, "::1", ELSEWHERE):
            answer = door.ask(method, path, client=client, host="service.example.com")
            if path in open_to_all or (path == READINESS and client != ELSEWHERE):
                assert answer.status_code == 200, path
            else:
                problem(answer, 401)
                assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    problem(door.ask("GET", "/there/is/nothing"), 401)
    problem(door.ask("GET", "/there/is/nothing", key), 404)


def test_a_route_nobody_thought_of_is_closed_too(door: Door) -> None:
    done: list[str] = []

    @door.api.api_route("/v1/new", methods=["GET", "POST", "DELETE"])
    def new() -> None:
        done.append("it")

    run, admin = door.key(Scope.RUN, Scope.TRAIN), door.key(Scope.ADMIN)
    for method in ("GET", "POST", "DELETE"):
        problem(door.ask(method, "/v1/new"), 401)
    for method in ("POST", "DELETE"):
        problem(door.ask(method, "/v1/new", run), 403)
    assert not done
    assert door.ask("GET", "/v1/new", run).status_code == 200
    assert door.ask("POST", "/v1/new", admin).status_code == 200


@pytest.mark.parametrize(
    ("scope", "opens"),
    [
        (Scope.READ, {"read"}),
        (Scope.RUN, {"read", "run"}),
        (Scope.TRAIN, {"read", "train"}),
        (Scope.PUBLISH, {"read", "publish"}),
        (Scope.ADMIN, {"read", "run", "train", "publish"}),
    ],
)
def test_a_key_opens_what_its_scope_says(door: Door, scope: Scope, opens: set[str]) -> None:
    key = door.key(scope)
    met = set()
    for method, path in door.routes():
        of_training = path.startswith(("/v1/training-jobs", "/v1/evaluations"))
        changes = "train" if of_training else "publish" if path.endswith("/push") else "run"
        needed = "read" if method == "GET" else changes
        met.add(needed)
        answer = door.ask(method, path, key, client=ELSEWHERE, host="service.example.com")
        if needed in opens:
            # Nothing was posted, and the things asked for do not exist.
            assert answer.status_code in {200, 404, 422}, f"{method} {path}: {answer.text}"
        else:
            assert f"scope {needed}" in problem(answer, 403)["detail"]
    assert met == {"read", "run", "train", "publish"}


def test_a_revoked_or_invented_key_is_refused_at_once(door: Door) -> None:
    new = api_keys.create_key(door.database, "a", [Scope.ADMIN])
    door.key(Scope.READ)
    assert door.ask("GET", "/v1/runs", new.key).status_code == 200
    api_keys.revoke_key(door.database, new.stored.id, force=True)
    for key in (
        new.key,
        f"sb_{'0' * 22}_{'0' * 64}",
        "sk-nonsense",
    ):
        answer = door.ask("GET", "/v1/runs", headers={"Authorization": f"Bearer {key}"})
        assert "revoked" in problem(answer, 401)["detail"]
        assert new.key not in answer.text


@pytest.mark.parametrize(
    "header", ["Basic {key}", "{key}", "Bearer", "Bearer ", "Token {key}", "Bearer{key}"]
)
def test_only_a_bearer_token_is_a_key(door: Door, header: str) -> None:
    sent = {"Authorization": header.format(key=door.key(Scope.ADMIN))}
    problem(door.ask("GET", "/v1/runs", headers=sent), 401)


def test_a_key_is_taken_from_the_header_only_and_in_any_spelling_of_bearer(door: Door) -> None:
    key = door.key(Scope.ADMIN)
    problem(door.ask("GET", f"/v1/runs?key={key}&access_token={key}"), 401)
    problem(door.ask("GET", "/v1/runs", headers={"Cookie": f"key={key}"}), 401)
    sent = {"Authorization": f"bearer  {key}"}
    assert door.ask("GET", "/v1/runs", headers=sent).status_code == 200


def test_a_body_is_not_read_for_somebody_without_a_key(door: Door) -> None:
    door.key(Scope.READ)
    read: list[int] = []

    async def body() -> Any:
        read.append(1)
        yield b"x" * 1000

    async def ask() -> httpx.Response:
        return await door.asked("POST", "/v1/seed-sets", content=body())

    problem(asyncio.run(ask()), 401)
    assert not read


@pytest.mark.parametrize(("client", "host"), [(LOOPBACK, "localhost:8000"), ("::1", "[::1]:8000")])
def test_without_any_key_this_machine_may_do_everything(door: Door, client: str, host: str) -> None:
    for method, path in door.routes():
        answer = door.ask(method, path, client=client, host=host)
        assert answer.status_code in {200, 404, 422}, f"{method} {path}: {answer.text}"


def test_without_any_key_nobody_else_is_served_anything_but_health(door: Door) -> None:
    for method, path in door.routes():
        answer = door.ask(method, path, client=ELSEWHERE)
        if path == HEALTH:
            assert answer.status_code == 200
        else:
            detail = problem(answer, 403)["detail"]
            assert "another machine" in detail
            assert "seedbed keys create" in detail


def test_without_any_key_no_header_makes_a_client_local(door: Door) -> None:
    for header in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "Host"):
        answer = door.ask("GET", "/v1/runs", client=ELSEWHERE, headers={header: LOOPBACK})
        problem(answer, 403)
        problem(door.ask("GET", "/v1/runs", headers={header: ELSEWHERE}), 403)


def test_without_any_key_a_foreign_page_starts_nothing(door: Door) -> None:
    def post(**headers: str) -> httpx.Response:
        sent = {"Content-Type": "text/plain", **headers}
        return door.ask("POST", "/v1/runs", content=b"{}", headers=sent)

    assert post().status_code == 422
    assert "web page" in problem(post(Origin="https://example.com"), 403)["detail"]
    assert post(Origin="http://127.0.0.1:8000").status_code == 422


def test_a_key_that_is_not_needed_does_no_harm(door: Door) -> None:
    assert door.ask("GET", "/v1/runs", f"sb_{'0' * 22}_{'0' * 64}").status_code == 200


def test_with_the_last_key_gone_the_service_stays_closed_until_a_key_is_made(door: Door) -> None:
    new = api_keys.create_key(door.database, "a", [Scope.READ])
    problem(door.ask("GET", "/v1/runs"), 401)
    api_keys.revoke_key(door.database, new.stored.id, force=True)
    for client in (LOOPBACK, ELSEWHERE):
        for key in (None, new.key):
            problem(door.ask("GET", "/v1/runs", key, client=client), 401)
            problem(door.ask("DELETE", "/v1/datasets/d", key, client=client), 401)
    assert door.ask("GET", "/v1/runs", door.key(Scope.READ)).status_code == 200


def test_a_request_does_not_wait_until_its_keys_use_is_noted(door: Door) -> None:
    new = api_keys.create_key(door.database, "a", [Scope.READ])

    async def ask() -> None:
        with door.database.write() as session:
            # Nobody else can write the key's row now.
            session.scalar(select(ApiKey).with_for_update())
            before = time.monotonic()
            for _ in range(3):
                assert (await door.asked("GET", "/v1/runs", new.key)).status_code == 200
            assert time.monotonic() - before < 5
        give_up_at = time.monotonic() + 10
        while api_keys.list_keys(door.database)[0].last_used_at is None:
            assert time.monotonic() < give_up_at
            await asyncio.sleep(0.02)

    asyncio.run(ask())


def test_a_stream_ends_within_a_second_of_its_key(database: Database) -> None:
    new = api_keys.create_key(database, "a", [Scope.READ])
    api_keys.create_key(database, "other", [Scope.READ])
    sent: list[float] = []

    async def endless(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
            await asyncio.sleep(0.02)

    async def note(message: Message) -> None:
        if message["type"] == "http.response.body":
            sent.append(time.monotonic())

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    header = (b"authorization", f"Bearer {new.key}".encode())
    scope = {"type": "http", "method": "GET", "path": "/v1/x", "query_string": b""}
    scope |= {"headers": [header], "client": (ELSEWHERE, 1), "server": (LOOPBACK, 1)}

    async def follow() -> float:
        stream = asyncio.create_task(
            Access(endless, database, CapacityLimiter(1), OWN_USER)(scope, receive, note)
        )
        await asyncio.sleep(1.3)
        assert not stream.done()
        api_keys.revoke_key(database, new.stored.id)
        revoked_at = time.monotonic()
        await asyncio.wait_for(stream, 5)
        return revoked_at

    revoked_at = asyncio.run(follow())
    assert sent[-1] < revoked_at + 1.1
    assert len(sent) > 30


def test_what_is_sent_with_a_key_is_refused_once_the_key_is_revoked(door: Door) -> None:
    new = api_keys.create_key(door.database, "a", [Scope.RUN])
    door.key(Scope.ADMIN)

    async def body(pieces: list[bytes]) -> AsyncIterator[bytes]:
        yield pieces[0]
        api_keys.revoke_key(door.database, new.stored.id)
        await asyncio.sleep(1.1)
        yield pieces[1]

    async def send(path: str, pieces: list[bytes]) -> httpx.Response:
        sent = {"Content-Type": "application/json"}
        return await door.asked("POST", path, new.key, headers=sent, content=body(pieces))

    async def both() -> tuple[httpx.Response, httpx.Response]:
        row = [b'{"instruction": "a", ', b'"output": "b"}\n']
        return await asyncio.gather(
            send("/v1/datasets/import?name=a", row), send("/v1/seed-sets", [b'{"name": ', b'"a"}'])
        )

    for answer in asyncio.run(both()):
        assert "revoked" in problem(answer, 401)["detail"]
    assert door.ask("GET", "/v1/datasets", door.key(Scope.READ)).json()["items"] == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_on_loopback_no_key_is_needed_to_listen(database: Database, host: str) -> None:
    refuse_to_listen_openly(host, database)


@pytest.mark.parametrize("host", [EVERYWHERE, "::", "", "192.0.2.7", "service.example.com"])
def test_elsewhere_only_a_service_that_needs_keys_listens(database: Database, host: str) -> None:
    with pytest.raises(ConfigurationError, match="seedbed keys create"):
        refuse_to_listen_openly(host, database)
    new = api_keys.create_key(database, "a", [Scope.READ])
    refuse_to_listen_openly(host, database)
    # Without a valid key it answers nobody.
    api_keys.revoke_key(database, new.stored.id, force=True)
    refuse_to_listen_openly(host, database)


def test_a_database_that_cannot_say_whether_there_is_a_key_keeps_the_service_closed() -> None:
    away = Database("sqlite:////nowhere/at/all.db")
    with pytest.raises(ConfigurationError, match="does not answer"):
        refuse_to_listen_openly(EVERYWHERE, away)
    away.close()


def test_a_run_that_names_its_training_takes_both_scopes(door: Door) -> None:
    tasks = [{"nothing": "of use"}]
    for scopes, body, expected in (
        ((Scope.RUN,), {"seed_tasks": tasks, "training": {}}, 403),
        ((Scope.RUN,), {"seed_tasks": tasks}, 422),
        ((Scope.RUN, Scope.TRAIN), {"seed_tasks": tasks, "training": {}}, 422),
        ((Scope.ADMIN,), {"seed_tasks": tasks, "training": {}}, 422),
    ):
        answer = door.ask("POST", "/v1/runs", door.key(*scopes), json=body)
        assert answer.status_code == expected, (scopes, answer.text)


def test_a_training_that_names_a_run_takes_both_scopes(door: Door) -> None:
    for scopes, body, expected in (
        ((Scope.TRAIN,), {"run_id": "run_none"}, 403),
        ((Scope.TRAIN,), {"dataset_id": "dataset_none"}, 422),
        ((Scope.RUN, Scope.TRAIN), {"run_id": "run_none"}, 422),
    ):
        answer = door.ask("POST", "/v1/training-jobs", door.key(*scopes), json=body)
        assert answer.status_code == expected, (scopes, answer.text)
