"""API keys: found by their hash, revoked once, their use recorded now and then."""

import pytest
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from app.store.access import api_keys
from app.store.sql import epoch_now
from app.store.tables.api_keys import ApiKey


@pytest.fixture(autouse=True)
def keys(session: Session) -> None:
    for n, id_ in enumerate(("key_b", "key_a")):
        session.add(ApiKey(id=id_, name=f"n{n}", key_sha256=f"h{n}", scopes=["read"]))
        session.flush()
        session.execute(
            update(ApiKey).where(ApiKey.id == id_).values(created_at=epoch_now() - 10 + n)
        )


def test_a_key_is_found_by_its_hash_until_it_is_revoked(session: Session) -> None:
    found = api_keys.find_good(session, "h1", recorded_every_s=60.0)
    assert found is not None
    assert (found.id, found.name, found.scopes, found.use_is_due) == ("key_a", "n1", ["read"], True)
    revoked = api_keys.revoke(session, "key_a")
    assert revoked is not None
    assert revoked.revoked_at is not None
    again = api_keys.revoke(session, "key_a")
    assert again is not None
    assert again.revoked_at == revoked.revoked_at
    assert api_keys.find_good(session, "h1", recorded_every_s=60.0) is None
    assert api_keys.find_good(session, "h9", recorded_every_s=60.0) is None
    assert api_keys.revoke(session, "key_unknown") is None


def test_a_revoked_key_is_not_valid_but_was_made(session: Session) -> None:
    for id_, left in (("key_a", ["key_b"]), ("key_b", [])):
        api_keys.revoke(session, id_)
        assert [key.id for key in api_keys.lock_good(session)] == left
        assert api_keys.any_made(session)
    assert [key.id for key in api_keys.oldest_first(session)] == ["key_b", "key_a"]
    session.execute(delete(ApiKey))
    assert not api_keys.any_made(session)


def test_the_use_of_a_key_is_recorded_now_and_then(session: Session) -> None:
    api_keys.record_use(session, "key_a", recorded_every_s=60.0)
    first = session.get_one(ApiKey, "key_a", populate_existing=True).last_used_at
    assert first is not None
    assert session.get_one(ApiKey, "key_b", populate_existing=True).last_used_at is None
    found = api_keys.find_good(session, "h1", recorded_every_s=60.0)
    assert found is not None
    assert not found.use_is_due
    api_keys.record_use(session, "key_a", recorded_every_s=60.0)
    assert session.get_one(ApiKey, "key_a", populate_existing=True).last_used_at == first
    session.execute(update(ApiKey).values(last_used_at=epoch_now() - 61))
    found = api_keys.find_good(session, "h1", recorded_every_s=60.0)
    assert found is not None
    assert found.use_is_due
    api_keys.record_use(session, "key_a", recorded_every_s=60.0)
    last = session.get_one(ApiKey, "key_a", populate_existing=True).last_used_at
    assert last is not None
    assert last >= first
