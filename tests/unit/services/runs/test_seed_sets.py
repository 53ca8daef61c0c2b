"""Seed sets: the same content once, with the licence that was given first."""

from functools import partial
from operator import eq

import pytest

from app.errors import NotFound
from app.services.context import ServiceContext
from app.services.runs import lists, seed_sets
from tests.bench import SEEDS


def test_the_same_tasks_are_stored_once(context: ServiceContext) -> None:
    first, is_new = seed_sets.store_seed_set(context.database, SEEDS, "ours")
    assert (is_new, first.name, first.licence) == (True, "ours", None)
    assert (first.task_count, first.classification_count) == (10, 1)
    again, is_new = seed_sets.store_seed_set(context.database, list(SEEDS), "theirs")
    assert (again.id, again.name, is_new) == (first.id, "ours", False)
    other, is_new = seed_sets.store_seed_set(context.database, SEEDS[:3])
    assert (other.name, is_new) == ("3 seed tasks", True)
    page = lists.list_seed_sets(context, None, 10)
    assert [seeds.id for seeds in page.items] == [other.id, first.id]
    assert seed_sets.get_seed_set(context.database, first.id).content_sha256 == first.content_sha256


def test_a_licence_is_filled_in_and_never_overwritten(context: ServiceContext) -> None:
    licences = [None, "cc0-1.0", "mit", None]
    stored = [
        seed_sets.store_seed_set(context.database, SEEDS, licence=licence)[0].licence
        for licence in licences
    ]
    assert stored == [None, "cc0-1.0", "cc0-1.0", "cc0-1.0"]


def test_a_licence_is_filled_in_only_by_who_may_change_the_tasks(context: ServiceContext) -> None:
    for key, licence, stays in (
        ("key_a", None, None),
        ("key_b", "mit", None),
        ("key_a", "cc0-1.0", "cc0-1.0"),
    ):
        stored, _ = seed_sets.store_seed_set(
            context.database, SEEDS, None, licence, key, partial(eq, key)
        )
        assert stored.licence == stays, key


@pytest.mark.parametrize("seed_set_id", ["seeds_none", "\x00"])
def test_a_seed_set_that_is_not_there_is_not_found(
    context: ServiceContext, seed_set_id: str
) -> None:
    with pytest.raises(NotFound):
        seed_sets.get_seed_set(context.database, seed_set_id)
