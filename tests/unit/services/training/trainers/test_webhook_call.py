"""A signed call, to a receiver that verifies it, refuses, fails, hangs, or is not there."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from app.errors import ConfigurationError, TrainingError
from app.services.context import Webhook
from app.services.training.trainers.webhook_call import (
    WebhookAnswer,
    WebhookCall,
    deliver,
    old_signature,
    signature,
)
from tests.servers.hook import SECRET, Reply, running_hook

CALL = WebhookCall("training_1", json.dumps({"job_id": "training_1"}).encode())
HURRIED = Webhook("", SECRET, timeout_s=2, patience_s=5, first_wait_s=0.05, longest_wait_s=0.2)


def never() -> bool:
    return False


def delivered(
    hook: Webhook, stop: Callable[[], bool] = never, log: list[str] | None = None
) -> WebhookAnswer | None:
    return deliver(hook, CALL, stop, ([] if log is None else log).append)


def test_a_call_can_be_verified_and_says_who_it_is() -> None:
    with running_hook(Reply(202, "queued as 17")) as there:
        answer = delivered(replace(HURRIED, url=there.url))
    assert answer == WebhookAnswer(202, "queued as 17")
    assert there.calls == [{"job_id": "training_1"}]
    assert there.ids == ["training_1"]


def test_the_documentation_verifies_a_call() -> None:
    text = (Path(__file__).parents[5] / "docs" / "training.md").read_text(encoding="utf-8")
    shown: dict[str, Any] = {"base64": base64, "hmac": hmac, "hashlib": hashlib, "time": time}
    _, _, code = text.partition("```python\ndef is_genuine")
    exec("def is_genuine" + code.split("```")[0], shown)  # noqa: S102 - our own text

    def headers(age_s: int = 0) -> dict[str, str]:
        timestamp = str(int(time.time()) - age_s)
        signed = signature(SECRET, "training_1", timestamp, b"{}")
        return {
            "webhook-id": "training_1",
            "webhook-timestamp": timestamp,
            "webhook-signature": signed,
        }

    assert shown["is_genuine"](headers(), b"{}", SECRET)
    assert not shown["is_genuine"](headers(), b"{ }", SECRET)
    assert not shown["is_genuine"](headers() | {"webhook-id": "training_2"}, b"{}", SECRET)
    assert not shown["is_genuine"](headers(), b"{}", "another")
    assert not shown["is_genuine"](headers(age_s=600), b"{}", SECRET)


def test_signatures_are_those_of_standard_webhooks() -> None:
    # The example that its libraries test with.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - published
    body = b'{"test": 2432232314}'
    assert (
        signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body)
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )
    with pytest.raises(ConfigurationError, match="must be base64 after whsec_"):
        signature("whsec_!", "msg_1", "1614265330", body)


def test_version_0_1_receivers_can_still_verify_a_call() -> None:
    with running_hook() as there:
        delivered(replace(HURRIED, url=there.url))
    (headers,) = there.headers
    (call,) = there.bodies
    timestamp = headers["Seedbed-Timestamp"]
    assert timestamp == headers["webhook-timestamp"]
    assert headers["Seedbed-Signature"] == old_signature(SECRET, timestamp, call)
    expected = hmac.new(SECRET.encode(), timestamp.encode() + b"." + call, hashlib.sha256)
    assert headers["Seedbed-Signature"] == f"sha256={expected.hexdigest()}"


def test_another_secret_is_found_out() -> None:
    with (
        running_hook() as there,
        pytest.raises(TrainingError, match="rejected the job: it answered 401: the signature is"),
    ):
        delivered(replace(HURRIED, url=there.url, secret="another"))
    assert there.calls == []


def test_a_refusal_is_reported_in_the_hooks_words_and_not_repeated() -> None:
    words = "no such\x00\x1b[31m base\nmodel" + "." * 9000
    with (
        running_hook(Reply(422, words)) as there,
        pytest.raises(TrainingError) as refused,
    ):
        delivered(replace(HURRIED, url=there.url))
    assert "it answered 422: no such [31m base model..." in str(refused.value)
    assert len(str(refused.value)) < 400
    assert len(there.calls) == 1


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_what_passes_is_waited_out_under_the_same_id(status: int) -> None:
    log: list[str] = []
    with running_hook(Reply(status, "later"), Reply(status), Reply(200)) as there:
        answer = delivered(replace(HURRIED, url=there.url), log=log)
    assert answer == WebhookAnswer(200, "")
    assert there.ids == ["training_1"] * 3
    assert there.calls[0] == there.calls[2]
    assert len(log) == 2
    assert f"it answered {status}: later; next attempt in" in log[0]


def test_the_hook_may_say_how_long_to_wait() -> None:
    wanted = Reply(429, headers={"Retry-After": "1"})
    with running_hook(wanted, Reply(200)) as there:
        delivered(replace(HURRIED, url=there.url, longest_wait_s=10))
    first, second = there.called_at
    assert 1 <= second - first < 3


def test_waits_grow_up_to_the_longest() -> None:
    with running_hook(*[Reply(503)] * 5, Reply(200)) as there:
        delivered(replace(HURRIED, url=there.url))
    waits = [after - before for before, after in pairwise(there.called_at)]
    least = [0.05, 0.1, 0.2, 0.2, 0.2]
    assert all(wait >= one for wait, one in zip(waits, least, strict=True))
    assert max(waits) < 1


def test_a_hook_that_hangs_is_asked_again() -> None:
    log: list[str] = []
    with running_hook(Reply(200, hangs=True), Reply(200)) as there:
        assert delivered(replace(HURRIED, url=there.url, timeout_s=0.3), log=log) == WebhookAnswer(
            200, ""
        )
    assert "there was no answer in time" in log[0]


def test_an_answer_that_never_ends_is_taken_as_far_as_it_has_come() -> None:
    began = time.monotonic()
    with running_hook(Reply(200, "yes", drips=True)) as there:
        answer = delivered(replace(HURRIED, url=there.url))
    assert answer is not None
    assert (answer.status, answer.text[:5]) == (200, "yes..")
    assert time.monotonic() - began < 6


def test_a_hook_that_stays_away_is_given_up_with_what_to_do() -> None:
    with running_hook() as there:
        gone = replace(HURRIED, url=there.url, patience_s=0.9, longest_wait_s=10)
    log: list[str] = []
    with pytest.raises(TrainingError, match=r"could not be reached .* Resume the job"):
        delivered(gone, log=log)
    assert log, "who said nothing about a wait is asked again after the first one"


def test_who_waits_ends_when_asked_to() -> None:
    asked_at = time.monotonic() + 0.4
    with running_hook(Reply(503)) as there:
        waiting = replace(HURRIED, url=there.url, first_wait_s=60, longest_wait_s=60, patience_s=99)
        assert delivered(waiting, stop=lambda: time.monotonic() > asked_at) is None
    assert time.monotonic() - asked_at < 3
    assert len(there.calls) == 1


def test_a_redirect_is_no_yes() -> None:
    with (
        running_hook(Reply(307, headers={"Location": "/elsewhere"})) as there,
        pytest.raises(TrainingError, match="307"),
    ):
        delivered(replace(HURRIED, url=there.url))
    assert len(there.calls) == 1


@pytest.mark.parametrize(
    "url",
    ["http://hooks.example.org/x", "http://127.0.0.1.example.org/", "ftp://127.0.0.1/", "x", ""],
)
def test_nothing_is_sent_in_the_clear_to_another_machine(url: str) -> None:
    with pytest.raises(ConfigurationError, match="must begin with https"):
        delivered(replace(HURRIED, url=url))


def test_nothing_is_sent_unsigned() -> None:
    with pytest.raises(ConfigurationError, match="SEEDBED_TRAINING_WEBHOOK_SECRET is not set"):
        delivered(replace(HURRIED, url="https://hooks.example.org/", secret=None))
    assert SECRET not in repr(HURRIED)
