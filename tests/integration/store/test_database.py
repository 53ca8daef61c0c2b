"""Connections to a database of either kind."""

import gc
import threading

from sqlalchemy import text

from app.store.database import Database


def test_a_transaction_that_outlives_the_close_gives_its_connection_back(
    database: Database,
) -> None:
    # Warnings are errors here, and psycopg warns of a connection that nobody closed.
    inside, closed = threading.Event(), threading.Event()

    def outlive() -> None:
        with database.read() as session:
            session.execute(text("SELECT 1"))
            inside.set()
            closed.wait(10)

    thread = threading.Thread(target=outlive)
    thread.start()
    assert inside.wait(10)
    database.close()
    closed.set()
    thread.join()
    gc.collect()


def test_a_transaction_that_begins_after_the_close_gives_its_connection_back(
    database: Database,
) -> None:
    database.close()
    with database.read() as session:
        assert session.scalar(text("SELECT 1")) == 1
    assert database.engine.pool.checkedin() == 0  # type: ignore[attr-defined] # of both our pools
