"""What a key allows, and how it looks."""

import logging

import pytest

from app.services.access import api_keys
from app.services.access.api_keys import Caller, Scope, is_key
from app.store.database import Database

GOOD = f"sb_{'0' * 22}_{'a1' * 32}"


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        ({Scope.READ}, {Scope.READ}),
        ({Scope.RUN}, {Scope.READ, Scope.RUN}),
        ({Scope.TRAIN}, {Scope.READ, Scope.TRAIN}),
        ({Scope.RUN, Scope.TRAIN}, {Scope.READ, Scope.RUN, Scope.TRAIN}),
        ({Scope.ADMIN}, set(Scope)),
        (set(), set()),
    ],
)
def test_a_key_may_what_its_scopes_say(scopes: set[Scope], allowed: set[Scope]) -> None:
    caller = Caller("key_1", "name", frozenset(scopes))
    assert {scope for scope in Scope if caller.may(scope)} == allowed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD, True),
        (GOOD + "0", False),
        (GOOD[:-1], False),
        (GOOD.upper(), False),
        (GOOD + "\n", False),
        ("sk-" + "a" * 48, False),
        ("", False),
        ("ü", False),
    ],
)
def test_a_key_is_recognised_by_its_form(text: str, expected: bool) -> None:
    assert is_key(text) is expected


def test_a_use_that_cannot_be_noted_is_a_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    database = Database("sqlite:////nowhere/at/all.db")
    with caplog.at_level(logging.WARNING):
        api_keys.record_use(database, "key_1")
    database.close()
    assert "key_1 was not recorded" in caplog.text
