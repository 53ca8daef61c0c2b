"""API keys in a real database of either kind."""

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text, update

from app.errors import Conflict, InvalidInput, NotFound
from app.services.access import api_keys
from app.services.access.key_form import Scope
from app.store.database import Database
from app.store.tables.api_keys import ApiKey
from tests.conftest import MOSTLY_POSTGRESQL

pytestmark = MOSTLY_POSTGRESQL


def test_a_key_that_was_made_is_recognised(database: Database) -> None:
    new = api_keys.create_key(database, "ci", [Scope.RUN, Scope.READ])
    caller = api_keys.authenticate(database, new.key)
    assert caller is not None
    assert (caller.key_id, caller.name) == (new.stored.id, "ci")
    assert caller.scopes == {Scope.READ, Scope.RUN}


def test_two_keys_have_nothing_in_common_but_their_form(database: Database) -> None:
    first, second = (api_keys.create_key(database, "same", [Scope.READ]) for _ in range(2))
    secrets = {key.key.split("_")[2] for key in (first, second)}
    assert len(secrets) == 2
    assert all(len(secret) * 4 >= 192 for secret in secrets)
    assert f"sb_{first.stored.id.removeprefix('key_')}_" in first.key


def test_the_database_never_sees_the_key(database: Database) -> None:
    new = api_keys.create_key(database, "ci", [Scope.READ])
    with database.read() as session:
        rows = session.execute(text("SELECT * FROM api_keys")).all()
    assert new.key.split("_")[2] not in str(rows)
    assert hashlib.sha256(new.key.encode()).hexdigest() in str(rows)
    assert new.key not in repr(new)


@pytest.mark.parametrize("change", [lambda k: k[:-1] + "g", lambda k: k.swapcase(), lambda _: ""])
def test_what_is_not_a_key_is_nobodys(database: Database, change: object) -> None:
    new = api_keys.create_key(database, "ci", [Scope.READ])
    assert callable(change)
    assert api_keys.authenticate(database, change(new.key)) is None


def test_a_key_of_another_database_is_nobodys(database: Database) -> None:
    api_keys.create_key(database, "ci", [Scope.READ])
    assert api_keys.authenticate(database, f"sb_{'0' * 22}_{'0' * 64}") is None


def test_a_revoked_key_opens_nothing_and_the_first_time_counts(database: Database) -> None:
    new = api_keys.create_key(database, "ci", [Scope.ADMIN])
    other = api_keys.create_key(database, "other", [Scope.READ])
    revoked = api_keys.revoke_key(database, new.stored.id, force=True)
    assert revoked.revoked_at is not None
    assert api_keys.revoke_key(database, new.stored.id).revoked_at == revoked.revoked_at
    assert api_keys.authenticate(database, new.key) is None
    assert api_keys.authenticate(database, other.key) is not None


@pytest.mark.parametrize("key_id", ["key_nowhere", "", "a\x00b", "ü"])
def test_an_unknown_key_cannot_be_revoked(database: Database, key_id: str) -> None:
    with pytest.raises(NotFound, match="API key"):
        api_keys.revoke_key(database, key_id)


def test_from_the_first_key_on_keys_are_needed_for_good(database: Database) -> None:
    assert not api_keys.are_needed(database)
    new = api_keys.create_key(database, "ci", [Scope.READ])
    assert api_keys.are_needed(database)
    api_keys.revoke_key(database, new.stored.id, force=True)
    assert api_keys.are_needed(database)


def test_of_two_admin_keys_revoked_at_the_same_time_one_stays(database: Database) -> None:
    made = [api_keys.create_key(database, name, [Scope.ADMIN]).stored.id for name in "ab"]
    start = threading.Barrier(2)

    def revoke(key_id: str) -> bool:
        start.wait(10)
        try:
            api_keys.revoke_key(database, key_id)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(revoke, made)) == [False, True]
    assert api_keys.any_may_administer(database)


def test_keys_are_listed_oldest_first_the_revoked_too(database: Database) -> None:
    made = [api_keys.create_key(database, str(n), [Scope.READ]).stored.id for n in range(3)]
    api_keys.revoke_key(database, made[1])
    listed = api_keys.list_keys(database)
    assert [key.id for key in listed] == made
    assert [key.revoked_at is None for key in listed] == [True, False, True]


@pytest.mark.parametrize(
    ("name", "scopes", "field"),
    [
        ("", [Scope.READ], "name"),
        ("x" * 201, [Scope.READ], "name"),
        ("two\nlines", [Scope.READ], "name"),
        ("ci", [], "scopes"),
    ],
)
def test_a_key_needs_a_name_and_a_scope(
    database: Database, name: str, scopes: list[Scope], field: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        api_keys.create_key(database, name, scopes)
    assert refusal.value.faults[0].field == field
    assert not api_keys.are_needed(database)


def test_its_use_is_noted_once_a_minute(database: Database) -> None:
    new = api_keys.create_key(database, "ci", [Scope.READ])
    assert new.stored.last_used_at is None
    assert _use_is_due(database, new.key)
    api_keys.record_use(database, new.stored.id)
    first = _last_used_at(database)
    assert abs(datetime.now(UTC) - first) < timedelta(minutes=1)

    assert not _use_is_due(database, new.key)
    api_keys.record_use(database, new.stored.id)
    assert _last_used_at(database) == first

    with database.write() as session:
        session.execute(update(ApiKey).values(last_used_at=first - timedelta(seconds=61)))
    assert _use_is_due(database, new.key)
    api_keys.record_use(database, new.stored.id)
    assert _last_used_at(database) >= first


def _use_is_due(database: Database, key: str) -> bool:
    caller = api_keys.authenticate(database, key)
    assert caller is not None
    return caller.use_is_due


def _last_used_at(database: Database) -> datetime:
    [key] = api_keys.list_keys(database)
    assert key.last_used_at is not None
    return key.last_used_at
