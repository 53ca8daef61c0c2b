"""What a key allows, and how it looks."""

import logging

import pytest

from app.errors import Conflict, InvalidInput, NotFound
from app.services.access import api_keys
from app.services.access.api_keys import Caller
from app.services.access.key_form import Scope, is_key
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


def test_a_key_is_found_by_its_text_until_it_is_revoked(database: Database) -> None:
    assert not api_keys.are_needed(database)
    new = api_keys.create_key(database, "ci", {Scope.RUN, Scope.READ})
    assert is_key(new.key)
    assert new.stored.id.removeprefix("key_") in new.key
    assert new.key not in repr(new)
    # In the order of the scopes, whatever the order they were given in.
    assert new.stored.scopes == [Scope.READ, Scope.RUN]
    assert api_keys.are_needed(database)

    caller = api_keys.authenticate(database, new.key)
    assert caller == Caller(
        new.stored.id, "ci", frozenset({Scope.READ, Scope.RUN}), use_is_due=True
    )
    assert api_keys.authenticate(database, GOOD) is None
    assert api_keys.authenticate(database, "sk-other") is None

    for force in (True, False):
        assert api_keys.revoke_key(database, new.stored.id, force=force).revoked_at is not None
    assert api_keys.authenticate(database, new.key) is None
    assert api_keys.are_needed(database)
    assert [key.id for key in api_keys.list_keys(database)] == [new.stored.id]


def test_the_last_key_and_the_last_admin_key_are_revoked_only_by_force(database: Database) -> None:
    made = {
        name: api_keys.create_key(database, name, scopes).stored.id
        for name, scopes in {
            "admin": {Scope.ADMIN},
            "second": {Scope.ADMIN, Scope.RUN},
            "run": {Scope.RUN},
            "last": {Scope.TRAIN},
        }.items()
    }
    api_keys.revoke_key(database, made["second"])
    with pytest.raises(Conflict, match=rf"last .* scope admin.*revoke {made['admin']} --force"):
        api_keys.revoke_key(database, made["admin"])
    assert api_keys.any_may_administer(database)
    api_keys.revoke_key(database, made["admin"], force=True)
    assert not api_keys.any_may_administer(database)
    # No key administers, so none is the last that does.
    api_keys.revoke_key(database, made["run"])
    with pytest.raises(Conflict, match=r"last valid API key.*refuses every request.*--force"):
        api_keys.revoke_key(database, made["last"])
    assert api_keys.revoke_key(database, made["last"], force=True).revoked_at is not None


@pytest.mark.parametrize("name", ["", "a" * 201, "two\nlines"])
def test_a_key_needs_a_name_of_one_line(database: Database, name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        api_keys.create_key(database, name, {Scope.READ})
    assert [fault.field for fault in refused.value.faults] == ["name"]
    assert api_keys.create_key(database, "a" * 200, {Scope.READ}).stored.name == "a" * 200


def test_a_key_needs_a_scope(database: Database) -> None:
    with pytest.raises(InvalidInput) as refused:
        api_keys.create_key(database, "ci", set())
    assert [fault.field for fault in refused.value.faults] == ["scopes"]


@pytest.mark.parametrize("key_id", ["key_none", "\x00"])
def test_a_key_that_is_not_there_cannot_be_revoked(database: Database, key_id: str) -> None:
    with pytest.raises(NotFound):
        api_keys.revoke_key(database, key_id)


def test_a_use_is_recorded_once_in_a_while(database: Database) -> None:
    new = api_keys.create_key(database, "ci", {Scope.READ})
    api_keys.record_use(database, new.stored.id)
    caller = api_keys.authenticate(database, new.key)
    assert caller is not None
    assert not caller.use_is_due
    (stored,) = api_keys.list_keys(database)
    assert stored.last_used_at is not None
