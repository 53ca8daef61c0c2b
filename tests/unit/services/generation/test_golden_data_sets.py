"""The data sets that runs have always given: seeds and replies decide them, to the byte."""

import hashlib
import json
from typing import Any

import pytest
from sqlalchemy import select

from app.llm.scripted.model import reply
from app.llm.scripted.server import Script
from app.store.database import Database
from app.store.tables.instructions import InstructionRow, Rejection
from tests import review_runs
from tests.bench import OpenBench

# SHA-256 of the exported Alpaca JSON, and of what was accepted, with its neighbours. Whoever
# changes a hash changes what users get for the same seeds and replies, so it needs a reason.
GROWN = {
    "default": (
        "88f16358173a5424cc2e58fda41be25f50cc3e6a0a920584034c4f5e82b0ff2b",
        "ea515a56687dbdae1efcc901e9ec03b77670239c57bbaddd8d22ac5e45269b0d",
    ),
    "paper": (
        "01e144f2fb4a65debd52d04d7eac8c9d4d900b9a3dde0986cf9b6e99c8c88291",
        "92235a441e291a6d64ab3fd1fbc0818d0a0bc8ab172ceb6c491c1cf125fa5b85",
    ),
    "alpaca": (
        "8b91e1c08f5c6cf42984f9af9bdc1cf626144e0e94963cc24add92acf43b6007",
        "4e5a08254f06c5c79d4d73d4cac1bed8625fa18eae7446ea5f5b0192333e88fc",
    ),
}
REVIEWED = {
    "re_answer": "068509a4217d936a1bc940272dac0b6a59d55b2bcb2ef58b3d97d4419c1af24d",
    "judge": "4695583af235e4a68e2a273bccccd07449e3ad1bb87efd591fe78b9ae9fd2477",
}


@pytest.mark.parametrize("profile", GROWN)
def test_a_profile_grows_the_data_set_that_it_has_always_grown(
    open_bench: OpenBench, database: Database, profile: str
) -> None:
    with open_bench(reply) as bench:
        run_id = bench.start(profile=profile, target=40, random_seed=11)
        assert bench.work(run_id).status == "succeeded"
        exported = bench.alpaca(run_id)
    assert (_sha256(exported), _sha256(_text(_accepted(database)))) == GROWN[profile]


@pytest.mark.parametrize(
    ("profile", "script"), [("re_answer", review_runs.teacher), ("judge", review_runs.judge)]
)
def test_a_review_keeps_the_rows_that_it_has_always_kept(
    open_bench: OpenBench, database: Database, profile: str, script: Script
) -> None:
    with open_bench(script) as bench:
        dataset_id = review_runs.stored(database, review_runs.some_rows(40))
        run_id = review_runs.start(bench, dataset_id, profile)
        assert bench.work(run_id).status == "succeeded"
        rows = review_runs.made(bench, run_id)
    kept = [
        [record.instruction, record.input, record.output, record.is_classification]
        for record, _ in rows
    ]
    assert _sha256(_text([*kept, *_rejected(database)])) == REVIEWED[profile]


def _accepted(database: Database) -> list[Any]:
    with database.read() as session:
        rows = session.scalars(select(InstructionRow).order_by(InstructionRow.sequence))
        return [[one.sequence, one.text, one.is_classification, one.neighbours] for one in rows]


def _rejected(database: Database) -> list[Any]:
    # Sorted: rows are reviewed in the order the replies come.
    with database.read() as session:
        return sorted([one.reason, one.text] for one in session.scalars(select(Rejection)))


def _text(values: list[Any]) -> str:
    return json.dumps(values, sort_keys=True)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
