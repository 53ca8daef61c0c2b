from collections.abc import Iterator

import pytest

from app.cli.service.client import ServiceClient
from app.errors import (
    Conflict,
    Fault,
    Forbidden,
    InvalidInput,
    NotFound,
    SeedbedError,
    ServiceUnreachable,
    Unauthenticated,
)
from app.stack.ports import free_port
from tests.unit.cli.answers import dataset_json, run_json, seed_set_json
from tests.unit.cli.stand_in import Answer, StandIn, stand_in


@pytest.fixture
def client(service: StandIn) -> Iterator[ServiceClient]:
    with ServiceClient(service.url, through_proxy=False) as client:
        yield client


def test_a_seed_set_is_posted_as_it_is_in_its_file(service: StandIn, client: ServiceClient) -> None:
    service.will("POST /v1/seed-sets", seed_set_json(task_count=2), status=201)
    stored = client.post_seed_set(b'{"a":1}\n', name="my seeds")
    [asked] = service.asked
    assert stored.id == "s1"
    assert asked.body == b'{"a":1}\n'
    assert asked.headers["content-type"] == "application/x-ndjson"
    assert asked.query == {"name": "my seeds"}


def test_a_run_is_started_with_only_the_options_that_were_given(
    service: StandIn, client: ServiceClient
) -> None:
    service.will("POST /v1/runs", run_json(status="queued"), status=202)
    assert client.start_run({"seed_set_id": "s1"}, {"target": 5}, {}).status == "queued"
    assert service.asked[0].json == {
        "seed_set_id": "s1",
        "options": {"target": 5},
        "budget": {},
    }
    assert service.asked[0].headers["idempotency-key"]


def test_a_broken_connection_while_starting_a_run_asks_again_under_the_same_key(
    service: StandIn, client: ServiceClient
) -> None:
    broken = Answer(b'{"id', content_length=1000)
    service.will("POST /v1/runs", broken, run_json())
    assert client.start_run({"seed_set_id": "s1"}, {}, {}).id == "r1"
    first, second = service.asked
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


def test_runs_are_read_page_by_page(service: StandIn, client: ServiceClient) -> None:
    pages = [
        {"items": [run_json(id="c"), run_json(id="b")], "next_cursor": "x"},
        {"items": [run_json(id="a")], "next_cursor": None},
    ]
    service.will("GET /v1/runs", *pages)
    assert [run.id for run in client.runs(status="running")] == ["c", "b", "a"]
    assert [asked.query.get("cursor") for asked in service.asked] == [None, "x"]
    assert all(asked.query["status"] == "running" for asked in service.asked)


def test_no_more_runs_are_read_than_wanted(service: StandIn, client: ServiceClient) -> None:
    two, one = [run_json(id="c"), run_json(id="b")], [run_json(id="a")]
    service.will("GET /v1/runs", *[{"items": page, "next_cursor": "x"} for page in (two, one)])
    assert [run.id for run in client.runs(3)] == ["c", "b", "a"]
    assert [asked.query["limit"] for asked in service.asked] == ["3", "1"]


def test_faults_come_with_their_line_and_field(service: StandIn, client: ServiceClient) -> None:
    fault = {"message": "is empty", "line": 3, "field": "instruction"}
    problem = {"title": "Invalid", "detail": "The seed set has faults.", "faults": [fault]}
    service.will("POST /v1/seed-sets", problem, status=422)
    with pytest.raises(InvalidInput, match="The seed set has faults") as failure:
        client.post_seed_set(b"x", name="x")
    assert failure.value.faults == (Fault("is empty", 3, "instruction"),)


def test_an_unknown_run_is_named(service: StandIn, client: ServiceClient) -> None:
    service.will("GET /v1/runs/zzz", {"detail": "no"}, status=404)
    with pytest.raises(NotFound, match="'zzz'"):
        client.run("zzz")


def test_what_is_typed_as_an_id_stays_one_segment_of_the_path(
    service: StandIn, client: ServiceClient
) -> None:
    for typed in ("../seed-sets", "a/b?c#d", "", "ü"):
        with pytest.raises(NotFound):
            client.run(typed)
    assert [asked.path.removeprefix("/v1/runs/").count("/") for asked in service.asked] == [0] * 4
    assert all(not asked.query for asked in service.asked)


def test_a_state_that_does_not_allow_it_is_a_conflict(
    service: StandIn, client: ServiceClient
) -> None:
    service.will("POST /v1/runs/r1/cancel", {"detail": "It has ended."}, status=409)
    with pytest.raises(Conflict, match="It has ended"):
        client.act("r1", "cancel")


def test_the_key_goes_with_every_request(service: StandIn) -> None:
    service.will("GET /v1/runs/r1", run_json())
    service.will("GET /v1/runs/r1/dataset", [])
    with ServiceClient(service.url, through_proxy=False, key="sb_key") as client:
        client.run("r1")
        list(client.dataset("r1"))
    assert [asked.headers["authorization"] for asked in service.asked] == ["Bearer sb_key"] * 2


def test_without_a_key_none_is_sent(service: StandIn, client: ServiceClient) -> None:
    service.will("GET /v1/runs/r1", run_json())
    client.run("r1")
    assert "authorization" not in service.asked[0].headers


def test_the_key_does_not_follow_a_redirect_to_somebody_else(service: StandIn) -> None:
    with stand_in() as other:
        other.will("GET /v1/runs/r1", run_json())
        moved = Answer(b"", status=307, location=f"{other.url}/v1/runs/r1")
        service.will("GET /v1/runs/r1", moved)
        with ServiceClient(service.url, through_proxy=False, key="sb_key") as client:
            client.run("r1")
        assert "authorization" not in other.asked[0].headers


def test_a_missing_key_is_reported_with_the_setting_that_names_one(
    service: StandIn, client: ServiceClient
) -> None:
    service.will("GET /v1/runs/r1", {"detail": "This needs an API key."}, status=401)
    with pytest.raises(Unauthenticated, match=r"This needs an API key\. .*SEEDBED_API_KEY"):
        client.run("r1")


def test_a_key_that_does_not_allow_it_is_reported_in_the_words_of_the_service(
    service: StandIn, client: ServiceClient
) -> None:
    service.will("POST /v1/runs/r1/cancel", {"detail": "It lacks the scope run."}, status=403)
    with pytest.raises(Forbidden, match="It lacks the scope run"):
        client.act("r1", "cancel")


@pytest.mark.parametrize("body", [b"<html>oops</html>", b"", b"[]", b'"x"', b"\xff"])
def test_an_error_page_of_any_kind_becomes_a_sentence(
    service: StandIn, client: ServiceClient, body: bytes
) -> None:
    service.will("GET /v1/runs/r1", body, status=502)
    with pytest.raises(SeedbedError, match="502"):
        client.run("r1")


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"", b"[]"])
def test_another_program_at_the_address_is_seen(
    service: StandIn, client: ServiceClient, body: bytes
) -> None:
    service.will("GET /v1/runs/r1", body)
    with pytest.raises(SeedbedError, match="not a Seedbed service"):
        client.run("r1")


def test_when_nobody_answers_it_says_how_to_start_a_service() -> None:
    url = f"http://127.0.0.1:{free_port('127.0.0.1')}"
    with (
        ServiceClient(url, through_proxy=False) as client,
        pytest.raises(ServiceUnreachable, match="seedbed up"),
    ):
        client.run("r1")


def test_a_data_set_cut_off_on_its_way_is_noticed(service: StandIn, client: ServiceClient) -> None:
    service.will("GET /v1/runs/r1/dataset", Answer(b"[", content_length=1000))
    with pytest.raises(ServiceUnreachable, match="stopped answering"):
        list(client.dataset("r1"))


@pytest.mark.parametrize("odd", [{"id": "r1"}, {"status": "dancing"}])
def test_an_answer_of_another_shape_is_not_taken_for_a_run(
    service: StandIn, client: ServiceClient, odd: dict[str, str]
) -> None:
    service.will("GET /v1/runs/r1", odd)
    with pytest.raises(SeedbedError, match="not a Seedbed service"):
        client.run("r1")


def test_of_two_versions_that_are_compared_the_missing_one_is_named(
    service: StandIn, client: ServiceClient
) -> None:
    service.will("GET /v1/datasets/a", dataset_json(id="a"))
    with pytest.raises(NotFound, match=r"'\.\./b'"):
        client.datasets.comparison("../b", "a")
    service.will("GET /v1/datasets/a/compare/a", {"added": 0})
    assert client.datasets.comparison("a", "a") == {"added": 0}
