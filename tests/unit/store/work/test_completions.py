"""Replies: stored whole, found again by item, call or request."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.pipeline.types import Completion, Parameters, Request, Stage, TextPrompt
from app.store.tables.completions import CompletionRow, PromptText
from app.store.work import completions
from app.store.work.completions import request_sha256, storable
from tests.unit.store.rows import add_run, plan, reply, request


def rows(session: Session) -> list[CompletionRow]:
    return list(session.scalars(select(CompletionRow).order_by(CompletionRow.id)))


def test_a_reply_is_stored_with_its_request(session: Session) -> None:
    run = add_run(session)
    (item_id,) = plan(session, run)
    answer = Completion("No\x00.", "s" * 50, "model-1", 11, 5, {"Y\ud800": -0.5}, "r1", "I\x00.")
    one = reply(
        item_id=item_id,
        completion=answer,
        cost_usd=Decimal("0.25"),
        call="c1",
        endpoint="east",
        request_sha256="h",
        batch_id="b",
        demonstrations=[{"origin": "seed", "position": 1}],
        latency_s=1.5,
    )
    assert completions.add(session, run.id, []) == []
    (id_,) = completions.add(session, run.id, [one])
    (row,) = rows(session)
    assert (row.id, row.run_id, row.work_item_id) == (id_, "run_a", item_id)
    assert (row.call, row.endpoint, row.batch_id, row.reply_id) == ("c1", "east", "b", "r1")
    assert (row.stage, row.prompt_version, row.model) == (
        "generate",
        "default/generate@1",
        "model-1",
    )
    assert (row.reply, row.reasoning, row.finish_reason) == ("No\ufffd.", "I\ufffd.", "s" * 40)
    assert completions.load(session, [id_])[id_].reasoning == "I\ufffd."
    assert row.top_logprobs == {"Y?": -0.5}
    assert (row.prompt_tokens, row.completion_tokens) == (11, 5)
    assert (row.cost_usd, row.latency_s, row.request_sha256) == (Decimal("0.25"), 1.5, "h")
    assert row.demonstrations == [{"origin": "seed", "position": 1}]
    assert row.parameters["max_tokens"] == 10
    assert (row.is_spare, row.reused_from) == (False, None)


def test_the_constant_part_of_a_prompt_is_stored_once(session: Session) -> None:
    run = add_run(session)
    parameters = Parameters(0.7, 1.0, 10)
    text = Request(TextPrompt("Always. Now.", 8), parameters, "v")
    requests = [request("One."), request("Two."), request("One.", system="Be long."), text]
    completions.add(session, run.id, [reply(request=one) for one in requests])
    completions.add(session, run.id, [reply(request=requests[0])])
    texts = {text.sha256: text.text for text in session.scalars(select(PromptText))}
    assert sorted(texts.values()) == [
        "Always. ",
        '[{"role": "system", "content": "Be brief."}]',
        '[{"role": "system", "content": "Be long."}]',
    ]
    stored = [(texts[row.prompt_text_sha256][-11:], row.prompt) for row in rows(session)]
    assert stored[:4] == [
        ('e brief."}]', "One."),
        ('e brief."}]', "Two."),
        ('Be long."}]', "One."),
        ("Always. ", "Now."),
    ]


def test_replies_are_loaded_by_id_and_by_stage(session: Session) -> None:
    run, other = add_run(session), add_run(session, "run_b")
    ids = completions.add(
        session, run.id, [reply(text="a"), reply(Stage.CALIBRATE, text="b"), reply(text="c")]
    )
    completions.add(session, other.id, [reply(Stage.CALIBRATE, text="d")])
    assert ids == sorted(ids)
    loaded = completions.load(session, ids[1:])
    assert {id_: one.text for id_, one in loaded.items()} == {ids[1]: "b", ids[2]: "c"}
    assert loaded[ids[1]] == Completion("b", "stop", "model-1", 7, 3)
    found = completions.of_stage(session, run.id, Stage.CALIBRATE, "m", {})
    assert [one.text for one in found] == ["b"]
    assert completions.of_stage(session, run.id, Stage.CALIBRATE, "m", {"user": "me"}) == []


def test_known_calls_are_those_about_these_items(session: Session) -> None:
    run = add_run(session)
    first, second = plan(session, run, count=2)
    replies = [
        reply(item_id=first, call="c1"),
        reply(item_id=first),
        reply(item_id=second, call="c2"),
    ]
    completions.add(session, run.id, replies)
    assert completions.known_calls(session, [first]) == {"c1"}
    assert completions.known_calls(session, [first, second]) == {"c1", "c2"}


def test_a_preflight_is_known_by_its_calls(session: Session) -> None:
    run = add_run(session)
    add_run(session, "run_b")
    completions.add(session, run.id, [reply(Stage.PREFLIGHT, call="p"), reply(call="g")])
    assert completions.any_of_calls(session, run.id, ["p", None])
    assert not completions.any_of_calls(session, run.id, ["g"])
    assert not completions.any_of_calls(session, "run_b", ["p"])


def test_a_spare_reply_waits_until_it_is_used(session: Session) -> None:
    run = add_run(session)
    first, second = plan(session, run, count=2)
    replies = [
        reply(item_id=first, call="late", text="spare"),
        reply(item_id=second, call="in time"),
    ]
    ids = completions.add(session, run.id, replies, spare={"late"})
    found = completions.spares(session, [first, second])
    assert {item_id: (kept.id, kept.completion.text) for item_id, kept in found.items()} == {
        first: (ids[0], "spare")
    }
    completions.record_used(session, [ids[0]])
    assert completions.spares(session, [first, second]) == {}


def test_paid_replies_are_found_by_their_request(session: Session) -> None:
    run = add_run(session)
    ids = completions.add(
        session,
        run.id,
        [
            reply(request_sha256="h", text="paid"),
            reply(request_sha256="h2"),
            reply(request_sha256="h3", reused_from=1),
        ],
    )
    found = completions.reusable(session, ["h", "h3", "unknown"])
    assert {key: (kept.id, kept.completion.text) for key, kept in found.items()} == {
        "h": (ids[0], "paid")
    }


@pytest.mark.parametrize(
    ("one", "model"),
    [
        (request("One."), "m2"),
        (request("Two."), "m"),
        (request("One.", system="Other."), "m"),
        (request("One.", temperature=0.1), "m"),
        (Request(TextPrompt("One."), Parameters(0.7, 1.0, 10), "v"), "m"),
    ],
)
def test_requests_that_differ_have_different_hashes(one: Request, model: str) -> None:
    same = request("One.")
    assert request_sha256(request("One."), "m") == request_sha256(same, "m")
    assert request_sha256(one, model) != request_sha256(same, "m")


@pytest.mark.parametrize(
    ("text", "stored"), [("a\x00b", "a\ufffdb"), ("\ud83d", "?"), ("é 🙂", "é 🙂")]
)
def test_what_databases_refuse_is_replaced(text: Any, stored: str) -> None:
    assert storable(text) == stored
