"""What goes wrong with the calls of a Batch API, and with a batch as a whole, over HTTP."""

import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import NamedTuple

import pytest

from app.errors import BatchApiError, ItemError, Outage, ProviderError, RunError, Throttled
from app.llm.batch_api.batches import BatchEndpoint, BatchStatus, Collected
from app.llm.batch_api.errors import BATCH_TABLE
from app.llm.classify_errors import TABLE
from app.llm.scripted.batch import BatchPlan
from app.llm.scripted.batches import BatchScript, Fault, Route
from app.llm.scripted.server import ScriptedReply
from tests.unit.llm.batch_stand_in import KEY, Api, always, batch_api, fault, named, problem

NUMBERS = count()
CALLS: dict[Route, Callable[[BatchEndpoint], object]] = {
    "list": lambda endpoint: endpoint.find("none"),
    "upload": lambda endpoint: endpoint.submit(f"new-{next(NUMBERS)}", named("a")),
    "create": lambda endpoint: endpoint.submit(f"new-{next(NUMBERS)}", named("a")),
    "status": lambda endpoint: endpoint.status("batch_1"),
    "cancel": lambda endpoint: endpoint.cancel("batch_1"),
    "content": lambda endpoint: list(endpoint.collect("batch_1")),
}
OF_THE_API: tuple[Route, ...] = ("list", "upload", "create")
OF_A_BATCH: tuple[Route, ...] = ("status", "cancel", "content")


class Faulty:
    """An API whose next call of one route gets a reply of its own; batch_1 has ended."""

    def __init__(self) -> None:
        self.route: Route | None = None
        self.reply = ScriptedReply()
        self.done = False
        self.api: Api | None = None

    def play(self, route: Route, _: int) -> Fault | None:
        # What is refused to be cancelled is looked at again: that gets the same reply.
        if route == self.route or (self.route, route) == ("cancel", "status"):
            return Fault(self.reply, self.done)
        return None

    def trouble(
        self, route: Route, reply: ScriptedReply, *, done: bool = False, timeout_s: float = 10
    ) -> ProviderError:
        assert self.api is not None
        self.route, self.reply, self.done = route, reply, done
        with BatchEndpoint(self.api.server.base_url, KEY, "model-a", timeout_s) as endpoint:
            try:
                got = CALLS[route](endpoint)
            except ProviderError as trouble:
                return trouble
            finally:
                self.route = None
        raise AssertionError(f"no trouble, but {got}")


@pytest.fixture(scope="module")
def faulty() -> Iterator[Faulty]:
    faulty = Faulty()
    with batch_api(batches=BatchScript(fault=faulty.play)) as faulty.api:
        faulty.api.ended(faulty.api.submitted("a", "b"))
        yield faulty


class Case(NamedTuple):
    name: str
    routes: tuple[Route, ...]
    reply: ScriptedReply
    kind: type[ProviderError]
    says: str


EVERYWHERE = OF_THE_API + OF_A_BATCH
CASES = (
    Case("429", EVERYWHERE, problem(429, "Slow down"), Throttled, "Slow down"),
    Case("500", EVERYWHERE, problem(500, "It broke"), Outage, "It broke"),
    Case("503", EVERYWHERE, problem(503, "Overloaded"), Outage, "Overloaded"),
    Case(
        "500 with 10 MB",
        EVERYWHERE,
        ScriptedReply(status=500, raw=b"So sorry. " * 1_000_000),
        Outage,
        "So sorry.",
    ),
    Case(
        "cut off",
        EVERYWHERE,
        ScriptedReply(raw=b'{"id": ' + b" " * 9999, cut_off=True),
        Outage,
        "127.0.0.1",
    ),
    Case(
        "page",
        EVERYWHERE,
        ScriptedReply(raw=b"<!doctype html><p>Welcome!</p>", content_type="text/html"),
        Outage,
        "Welcome!",
    ),
    Case(
        "broken JSON",
        (*OF_THE_API, "status", "cancel"),
        ScriptedReply(raw=b'{"id": "batc'),
        Outage,
        "broken JSON",
    ),
    Case(
        "endless JSON",
        ("status",),
        ScriptedReply(raw=b'{"id": "' + b"x" * 9_000_000),
        Outage,
        "broken JSON",
    ),
    Case("no id", ("upload", "create"), ScriptedReply(raw=b"{}"), Outage, "without an id"),
    Case(
        "a throttle with status 200",
        EVERYWHERE[:-1],
        ScriptedReply(raw=b'{"error": {"message": "Slow down", "code": 429}}'),
        Throttled,
        "Slow down",
    ),
    Case("401", EVERYWHERE, problem(401, "Wrong key"), RunError, "OPENAI_API_KEY"),
    Case("402", EVERYWHERE, problem(402, "Pay first"), RunError, "credit"),
    Case(
        "insufficient_quota",
        EVERYWHERE,
        problem(429, "Nothing left", "insufficient_quota"),
        RunError,
        "credit or quota",
    ),
    Case("404", OF_THE_API, problem(404, "File Not Found"), BatchApiError, "has no batch API"),
    Case("405", OF_THE_API, problem(405, "Not allowed"), BatchApiError, "has no batch API"),
    Case("501", OF_THE_API, problem(501, "Not here"), BatchApiError, "has no batch API"),
    Case("404 of one", OF_A_BATCH, problem(404, "No batch x"), BatchApiError, "this batch"),
    Case("400 of one", OF_A_BATCH, problem(400, "Bad id"), BatchApiError, "Bad id"),
    Case(
        "refused",
        OF_THE_API,
        problem(400, "No such endpoint", param="endpoint"),
        ItemError,
        "normal calls",
    ),
    Case("413", ("upload",), problem(413, "Too large"), ItemError, "Too large"),
    Case(
        "unknown model",
        ("create",),
        problem(400, "The model `x` does not exist"),
        RunError,
        "SEEDBED_MODEL",
    ),
    Case(
        "a file that is not known yet",
        ("create",),
        problem(400, "Cannot find file file-1, or project p does not have access", param="file_id"),
        Outage,
        "uploaded file",
    ),
    Case(
        "too much work",
        ("create",),
        problem(400, "Enqueued token limit reached", "token_limit_exceeded"),
        Throttled,
        "Enqueued",
    ),
)


@pytest.mark.parametrize(
    ("case", "route"),
    [(case, route) for case in CASES for route in case.routes],
    ids=lambda value: value.name if isinstance(value, Case) else value,
)
def test_a_failed_call_is_classified_by_the_table(case: Case, route: Route, faulty: Faulty) -> None:
    trouble = faulty.trouble(route, case.reply)
    assert type(trouble) is case.kind, trouble
    assert case.says in str(trouble)
    assert len(str(trouble)) < 1000


@pytest.mark.parametrize("route", EVERYWHERE)
def test_retry_after_reaches_the_throttle(route: Route, faulty: Faulty) -> None:
    reply = ScriptedReply(status=429, error={"message": "wait"}, headers={"Retry-After": "7"})
    trouble = faulty.trouble(route, reply)
    assert isinstance(trouble, Throttled)
    assert trouble.retry_after_s == 7


@pytest.mark.parametrize(
    "reply",
    [ScriptedReply(delay_s=30), ScriptedReply(trickle_s=0.1)],
    ids=["hangs", "trickles"],
)
@pytest.mark.parametrize("route", EVERYWHERE)
def test_a_call_ends_as_an_outage_when_its_time_is_over(
    route: Route, reply: ScriptedReply, faulty: Faulty
) -> None:
    began_s = time.monotonic()
    trouble = faulty.trouble(route, reply, done=True, timeout_s=0.4)
    assert type(trouble) is Outage
    assert "SEEDBED_REQUEST_TIMEOUT_S" in str(trouble)
    assert time.monotonic() - began_s < 5


def test_an_error_that_trickles_is_taken_by_its_beginning(faulty: Faulty) -> None:
    reply = ScriptedReply(status=500, raw=b"Sorry " * 100, trickle_s=0.1)
    began_s = time.monotonic()
    trouble = faulty.trouble("status", reply, timeout_s=0.4)
    assert type(trouble) is Outage
    assert time.monotonic() - began_s < 5


def test_a_file_may_take_longer_than_a_call_as_long_as_its_lines_come() -> None:
    lines = b"".join(b'{"custom_id":"%d"}\n' % n for n in range(6))
    script = fault("content", ScriptedReply(raw=lines, trickle_s=0.01))
    with batch_api(batches=script, timeout_s=0.7) as api:
        began_s = time.monotonic()
        collected = api.collected(api.submitted("a"))
        assert time.monotonic() - began_s > 0.7
    assert [one.custom_id for one in collected] == ["0", "1", "2", "3", "4", "5"]


def test_a_file_cut_off_gives_its_whole_lines_and_then_says_so() -> None:
    script = fault("content", ScriptedReply(cut_off=True), done=True)
    names = [f"item-{n}" for n in range(100)]
    with batch_api(batches=script) as api:
        provider_id = api.submitted(*names)
        api.ended(provider_id)
        seen: list[Collected] = []
        with pytest.raises(Outage, match="connection"):
            seen.extend(api.endpoint.collect(provider_id))
        again = list(api.endpoint.collect(provider_id))
    assert 0 < len(seen) < 100
    assert seen == again[: len(seen)]
    assert [one.custom_id for one in again] == names


def test_a_file_that_is_left_early_disturbs_no_other_call() -> None:
    with batch_api() as api:
        provider_id = api.submitted(*(f"item-{n}" for n in range(2000)))
        api.ended(provider_id)
        for _ in range(3):
            assert next(api.endpoint.collect(provider_id)).custom_id == "item-0"
        assert api.endpoint.status(provider_id).completed == 2000


def test_nobody_answers_is_an_outage_and_an_address_without_a_scheme_is_not() -> None:
    with BatchEndpoint("http://127.0.0.1:9/v1", KEY, "m", 5) as endpoint:
        with pytest.raises(Outage, match="OPENAI_BASE_URL"):
            endpoint.find("x")
        with pytest.raises(Outage, match=r"127\.0\.0\.1:9"):
            list(endpoint.collect("x"))
    with (
        BatchEndpoint("localhost:8000/v1", KEY, "m", 5) as endpoint,
        pytest.raises(RunError, match="http://"),
    ):
        endpoint.find("x")


ECHOES: dict[str, ScriptedReply] = {
    "401": problem(401, f"Incorrect API key provided: {KEY}."),
    "500": ScriptedReply(status=500, raw=f"trace: Bearer {KEY}".encode()),
    "broken JSON": ScriptedReply(raw=f'{{"you sent": "{KEY}'.encode()),
    "page": ScriptedReply(raw=f"<p>{KEY}</p>".encode(), content_type="text/html"),
}


@pytest.mark.parametrize("echo", ECHOES)
def test_the_key_is_never_in_the_trouble_or_what_hangs_on_it(echo: str, faulty: Faulty) -> None:
    for route in OF_THE_API:
        trouble = faulty.trouble(route, ECHOES[echo])
        assert KEY not in str(trouble)
        assert trouble.__cause__ is None
        assert trouble.__context__ is None


def test_the_key_is_in_no_line_and_in_no_error_of_a_batch() -> None:
    with batch_api(lambda _: problem(401, f"Your key {KEY} is wrong")) as api:
        (one,) = api.collected(api.submitted("a"))
    assert isinstance(one.answer, RunError)
    assert KEY not in str(one.answer)
    with batch_api(lambda _: ScriptedReply(raw=f"{{{KEY}".encode())) as api:
        (one,) = api.collected(api.submitted("a"))
    assert KEY not in str(one.answer)
    status = failed({"code": KEY, "message": f"{KEY} is wrong", "line": None})
    assert KEY not in str(status)
    assert KEY not in str(status.trouble)


# A batch that was not accepted.


def failed(*errors: dict[str, object]) -> BatchStatus:
    with batch_api(batches=always(BatchPlan(failed=errors))) as api:
        provider_id = api.submitted("a")
        status = api.ended(provider_id)
        assert list(api.endpoint.collect(provider_id)) == []
        assert api.server.counts.batch_lines == 0
    return status


ENQUEUED = "Enqueued token limit reached for model-a in organization o. Limit: 90,000."


@pytest.mark.parametrize(
    ("code", "message", "kind", "says"),
    [
        ("token_limit_exceeded", ENQUEUED, Throttled, "90,000"),
        ("insufficient_quota", "Nothing left", RunError, "credit"),
        ("billing_hard_limit_reached", "Limit reached", RunError, "credit"),
        ("model_not_found", "No model-a", RunError, "SEEDBED_MODEL"),
        ("server_error", "It broke", Outage, "sent again"),
        ("invalid_json_line", "Not JSON", ItemError, "normal calls"),
        (None, None, ItemError, "no reason given"),
    ],
)
def test_a_batch_that_failed_says_why_and_what_kind_of_trouble_it_is(
    code: str | None, message: str | None, kind: type[ProviderError], says: str
) -> None:
    status = failed({"code": code, "message": message, "line": None, "param": None})
    assert (status.state, status.said) == ("ended", "failed")
    assert type(status.trouble) is kind
    assert says in str(status.trouble)


def test_the_errors_of_a_failed_batch_are_kept_in_the_providers_words() -> None:
    errors = [{"code": "invalid_json_line", "line": n, "message": f"No {n}"} for n in range(1, 99)]
    status = failed(*errors)
    assert status.errors[0] == "line 1: No 1 (invalid_json_line)"
    assert len(status.errors) == 20
    assert "line 2: No 2" in str(status.trouble)


def test_a_file_that_the_provider_finds_wrong_is_said_to_be_so() -> None:
    with batch_api() as api:
        provider_id = api.endpoint.submit("b1", [*named("a"), *named("a")])
        status = api.ended(provider_id)
    assert type(status.trouble) is ItemError
    assert status.errors == ("line 2: a is there already. (duplicate_custom_id)",)


def test_every_row_before_the_table_of_calls_is_met(faulty: Faulty) -> None:
    met = {str(faulty.trouble(case.routes[0], case.reply)) for case in CASES}
    for code in ("token_limit_exceeded", "server_error", "x"):
        met.add(str(failed({"code": code, "message": "no", "line": None}).trouble))
    with batch_api(batches=always(BatchPlan(expires_after=0))) as api:
        met |= {str(one.answer) for one in api.collected(api.submitted("a"))}
    for row in BATCH_TABLE[: -len(TABLE)]:
        assert any(words.endswith(row.advice) for words in met), row.name
