"""The checks find what they are there for: a sound run, spoilt in one way at a time."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, text

from app.store.database import Database
from app.store.migrate import migrate
from app.store.tables.completions import CompletionRow
from tests.faults import books, ledger, nearness
from tests.faults.endpoint import Call
from tests.faults.sound_run import COMPLETIONS, ROWS, RUN_ID

pytestmark = pytest.mark.crash

_LOG = [Call(f"scripted-{n}", str(n), 100 + n, 10, delivered=True) for n in range(6)]


_USAGE = """INSERT INTO stage_usage
    (run_id, stage, model, calls, prompt_tokens, completion_tokens, cost_usd)
    SELECT run_id, stage, 'm', count(*), sum(prompt_tokens), sum(completion_tokens), sum(cost_usd)
    FROM completions GROUP BY run_id, stage"""


@pytest.fixture(scope="module")
def sound_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with one run in which nothing is wrong."""
    path = tmp_path_factory.mktemp("sound") / "seedbed.db"
    database = Database(f"sqlite:///{path}")
    migrate(database)
    with database.write() as session:
        for table, rows in ROWS:
            session.execute(insert(table), [dict(row) for row in rows])
        price = "prompt_tokens * 150000 + completion_tokens * 600000"
        session.execute(text(f"UPDATE completions SET cost_usd = {price}"))  # noqa: S608 - ours
        session.execute(text(_USAGE))
    database.close()
    return path


@pytest.fixture
def sound(sound_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A copy of it to spoil."""
    path = shutil.copy(sound_file, tmp_path / "seedbed.db")
    database = Database(f"sqlite:///{path}")
    with database.engine.connect() as connection:
        yield connection
    database.close()


def _found(connection: Connection) -> list[str]:
    return [
        *books.target_missed(connection, RUN_ID, 2),
        *books.broken(connection, RUN_ID, (*books.LOST, *books.DOUBLED)),
        *books.misread_replies(connection, RUN_ID),
        *books.repeated_events(connection, RUN_ID),
        *nearness.near_duplicates(connection, RUN_ID),
        *ledger.unbalanced(connection, RUN_ID, _LOG),
    ]


def test_nothing_is_found_in_a_sound_run(sound: Connection) -> None:
    assert _found(sound) == []


_ANOTHER_ITEM = """INSERT INTO work_items
    (id, run_id, stage, priority, ordinal, subject, state, completion_id, attempts)
    SELECT 9, run_id, stage, priority, ordinal, subject, state, completion_id, 0
    FROM work_items WHERE id = {}"""
_INSTRUCTION_OF_A_SECOND_REPLY = """UPDATE completions SET work_item_id = 1 WHERE id = 2;
    UPDATE instructions SET completion_id = 2 WHERE sequence = 1"""
_REJECTION_OF_A_SECOND_REPLY = """UPDATE completions SET work_item_id = 1 WHERE id = 2;
    UPDATE rejections SET completion_id = 2"""
_ANOTHER_INSTANCE = """INSERT INTO instances
    (run_id, sequence, position, input, output, completion_id)
    VALUES ('run_1', 0, {}, '', '', {})"""


@pytest.mark.parametrize(
    ("spoil", "finding"),
    [
        ("UPDATE runs SET status = 'failed'", "the run is failed"),
        ("UPDATE runs SET accepted = 3", "2 instructions, 3 counted, 2 wanted"),
        ("UPDATE work_items SET state = 'leased' WHERE id = 5", "work neither done nor dropped"),
        ("UPDATE work_items SET state = 'dead' WHERE id = 5", "work neither done nor dropped"),
        ("DELETE FROM work_items WHERE id = 3", "an instruction without its classification"),
        ("DELETE FROM work_items WHERE id = 5", "an instruction without its instances' work"),
        ("UPDATE instructions SET is_complete = 0", "an instruction that is not complete"),
        ("UPDATE instructions SET is_classification = NULL", "or of no class"),
        ("DELETE FROM completions WHERE id = 4", "done work whose reply is not there"),
        ("UPDATE work_items SET completion_id = 5 WHERE id = 4", "done work whose reply is not"),
        ("UPDATE instructions SET sequence = 5 WHERE sequence = 1", "a gap in the sequence"),
        ("UPDATE work_items SET ordinal = 1 WHERE id = 1", "a ticket that was issued and is no"),
        ("UPDATE runs SET tickets_issued = 2", "a ticket that was issued and is no work"),
        ("UPDATE runs SET tickets_admitted = 0", "counters of the run"),
        ("UPDATE runs SET instances = 3", "counters of the run"),
        ("UPDATE runs SET calls = 4", "books of the run"),
        ("UPDATE runs SET cost_usd = cost_usd - 1", "books of the run"),
        ("UPDATE stage_usage SET prompt_tokens = prompt_tokens + 1", "usage by stage"),
        ("DELETE FROM stage_usage WHERE stage = 'classify'", "usage by stage"),
        ("UPDATE work_items SET reserved_tokens = 1 WHERE id = 2", "still reserved for"),
        ("UPDATE completions SET is_spare = 1 WHERE id = 2", "called spare and was used"),
        ("UPDATE completions SET call = 'a.1' WHERE id < 3", "the same call recorded twice"),
        (_ANOTHER_ITEM.format(3), "two pieces of work for one"),
        (_ANOTHER_ITEM.format(5), "two pieces of work for one"),
        ("UPDATE instructions SET text = 'Describe a kite.'", "the same instruction twice"),
        (_INSTRUCTION_OF_A_SECOND_REPLY, "instructions out of two replies to one ticket"),
        ("UPDATE instructions SET completion_id = 2", "out of a reply that its ticket did not"),
        ("UPDATE instructions SET classified_by = 2", "a class out of a reply"),
        (_ANOTHER_INSTANCE.format(1, 5), "instances of one instruction out of two replies"),
        (_ANOTHER_INSTANCE.format(1, 5), "an instance out of a reply that its work did not use"),
        (_ANOTHER_INSTANCE.format(2, 4), "instances not numbered 0, 1, 2"),
        (_REJECTION_OF_A_SECOND_REPLY, "a rejection out of a reply that its work did not use"),
        (_ANOTHER_INSTANCE.format(1, 4), "a reply that was not read exactly once"),
        ("DELETE FROM rejections", "a reply that was not read exactly once"),
        ("DELETE FROM instances", "a reply that was not read exactly once"),
        ("DELETE FROM run_events WHERE kind = 'calibrated'", "an event not recorded once"),
        (
            "UPDATE run_events SET kind = 'preflight' WHERE kind = 'calibrated'",
            "an event not recorded once",
        ),
        (
            "UPDATE instructions SET text = 'Describe a harbour at night now.' WHERE sequence = 1",
            "two instructions too near to each other",
        ),
        (
            "UPDATE instructions SET text = 'Write a limerick that begins in a dark bakery.'",
            "two instructions too near to each other",
        ),
        ("UPDATE completions SET prompt_tokens = 7 WHERE id = 1", "that the endpoint did not send"),
        ("UPDATE completions SET reply_id = 'scripted-2' WHERE id = 1", "endpoint did not send"),
        ("UPDATE runs SET presumed_spent_calls = 0", "calls of 110 tokens that nobody recorded"),
        ("UPDATE runs SET presumed_spent_tokens = 109", "109 tokens written off"),
        ("UPDATE completions SET cost_usd = cost_usd + 1 WHERE id = 1", "a wrong price"),
    ],
)
def test_what_is_wrong_is_found(sound: Connection, spoil: str, finding: str) -> None:
    for statement in spoil.split(";"):
        sound.execute(text(statement))
    assert any(finding in violation for violation in _found(sound)), _found(sound)


def test_a_reply_recorded_twice_is_found(sound: Connection) -> None:
    twice = {**COMPLETIONS[3], "id": 9, "prompt_tokens": 104, "cost_usd": None}
    sound.execute(insert(CompletionRow), [twice])
    assert any("did not send" in violation for violation in _found(sound))


def test_the_longest_silence_counts_from_the_start_to_the_end(sound: Connection) -> None:
    sound.execute(text("UPDATE runs SET started_at = 1000, ended_at = 1020"))
    sound.execute(text("UPDATE completions SET created_at = 1003 + id"))
    assert ledger.longest_silence_s(sound, RUN_ID) == 12
    sound.execute(text("UPDATE completions SET created_at = 1017 + id / 10.0"))
    assert ledger.longest_silence_s(sound, RUN_ID) > 17


def test_numbers_of_the_api_are_held_against_the_rows(sound: Connection) -> None:
    reported = {
        "funnel": {"asked": 5},
        "tokens": {"prompt": 515, "completion": 50},
        "cost_usd": "0.00010725",
    }
    assert ledger.unlike_the_api(sound, RUN_ID, reported) == []
    wrong = ledger.unlike_the_api(sound, RUN_ID, {**reported, "cost_usd": "0.00010726"})
    assert len(wrong) == 1


def test_a_provider_that_sent_less_is_believed(sound: Connection) -> None:
    log = [replace(call, completion_tokens=9) for call in _LOG]
    assert ledger.unbalanced(sound, RUN_ID, log) != []
