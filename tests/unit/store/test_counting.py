"""Counters: exactly as often as transactions commit, from any number of processes."""

import threading

import pytest

from app.counters import CALLS, LEASES_RECOVERED, OTHER
from app.store.counting import MAX_SERIES, count, totals
from app.store.database import Database


def calls(database: Database) -> dict[tuple[str, ...], int]:
    with database.read() as session:
        found = totals(session)
    return {labels: value for (name, labels), value in found.items() if name == CALLS.name}


def test_what_is_counted_in_a_transaction_is_written_with_it_and_only_then(
    database: Database,
) -> None:
    for by in (1, 2, 0):
        with database.write() as session:
            count(session, CALLS, "m", "e", "answered", by=by)
            count(session, CALLS, "m\x00'", "e", "failed")
    failed = ("m\x00'", "e", "failed")
    assert calls(database) == {("m", "e", "answered"): 3, failed: 3}

    def undone() -> None:
        with database.write() as session:
            count(session, CALLS, "m", "e", "answered")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        undone()
    assert calls(database) == {("m", "e", "answered"): 3, failed: 3}


def test_processes_that_count_at_once_lose_nothing_and_do_not_deadlock(database_url: str) -> None:
    names = [f"m{n}" for n in range(5)]

    def work(order: list[str]) -> None:
        own = Database(database_url)
        for _ in range(20):

            def add(session: object) -> None:
                for name in order:
                    count(session, CALLS, name, "e", "answered")  # type: ignore[arg-type] # a session

            own.retrying(add)
        own.close()

    orders = (names, names[::-1])
    threads = [threading.Thread(target=work, args=(order,)) for order in orders * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database = Database(database_url)
    assert calls(database) == {(name, "e", "answered"): 80 for name in names}
    database.close()


def test_too_many_models_are_counted_as_one(database: Database) -> None:
    with database.write() as session:
        for n in range(MAX_SERIES):
            count(session, CALLS, f"m{n}", "e", "answered")
    for again in range(2):
        with database.write() as session:
            count(session, CALLS, f"new {again}", "e", "answered")
            count(session, CALLS, "m1", "e", "answered")
            count(session, CALLS, "x" * 1000, "e", "answered")
            count(session, LEASES_RECOVERED, "run")
    found = calls(database)
    assert len(found) == MAX_SERIES + 1
    assert found[OTHER, "e", "answered"] == 4
    assert found["m1", "e", "answered"] == 3
