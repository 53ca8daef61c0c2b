"""Data sets to be reviewed, and models that answer again or judge, the same way every time."""

import json
import re
from collections.abc import Sequence
from typing import Any

from app.dataset_row import DatasetRow, Exchange, Origin, Record
from app.llm.scripted.model import reply
from app.llm.scripted.server import ScriptedCall, ScriptedReply
from app.pipeline.budget import NO_CAPS, Caps
from app.pipeline.options import RunOptions
from app.services.runs import control
from app.services.runs.run_request import RunRequest
from app.states import DatasetState
from app.store.database import Database
from app.store.datasets import dataset_rows
from app.store.ids import new_id
from app.store.tables.datasets import Dataset
from tests.bench import Bench


def some_rows(count: int) -> list[DatasetRow]:
    """Rows of all kinds: with input and without, with turns and without."""
    return [_row(n) for n in range(count)]


def _row(n: int) -> DatasetRow:
    chat = n % 5 == 3
    record = Record(
        instruction=f"Say the number {n} in words.",
        output=f"old answer {n}",
        input=f"It is {n}." if n % 2 else "",
        system="You count." if chat else "",
        history=(Exchange(f"Before {n}?", f"It was {n - 1}."),) if chat else (),
        is_classification=n % 3 == 0,
    )
    origin: Origin = {"run_id": "run_before", "sequence": n, "instance_mode": "input_first"}
    return DatasetRow(n, record, origin=origin)


def stored(database: Database, rows: Sequence[DatasetRow], state: str = DatasetState.READY) -> str:
    """A version of a data set with these rows."""
    dataset_id = new_id("dataset")
    with database.write() as session:
        session.add(
            Dataset(
                id=dataset_id,
                name=dataset_id,
                version=1,
                state=state,
                is_import=True,
                recipe={},
                row_count=len(rows),
            )
        )
        session.flush()
        dataset_rows.add(session, dataset_id, rows)
    return dataset_id


def request(dataset_id: str, profile: str, caps: Caps = NO_CAPS, **options: Any) -> RunRequest:
    chosen = RunOptions.model_validate({"profile": profile, **options})
    return RunRequest(None, None, chosen, caps, dataset_id)


def start(bench: Bench, dataset_id: str, profile: str, **options: Any) -> str:
    return control.start_run(bench.context, request(dataset_id, profile, **options), None).id


def made(bench: Bench, run_id: str) -> list[tuple[Record, Origin]]:
    """The rows that stay, as a data set is made of them."""
    with bench.context.database.read() as session:
        return list(dataset_rows.run_rows_between(session, run_id, 0, 1_000_000))


def number_of(call: ScriptedCall) -> int | None:
    """The row that a call is about; None: it is a question of the preflight."""
    found = re.search(r"Say the number (\d+) in words", call.messages[-1].content)
    return int(found.group(1)) if found else None


def teacher(call: ScriptedCall) -> ScriptedReply:
    """Answers again; every seventh row without a word."""
    n = number_of(call)
    if n is None:
        return reply(call)
    return ScriptedReply("" if n % 7 == 6 else f"new answer {n}")


def judge(call: ScriptedCall) -> ScriptedReply:
    """Judges by the row's number: 5, 4, 3, 2, 1 and again."""
    n = number_of(call)
    if n is None:
        return reply(call)
    verdict = {"reason": f"Because it is {n}.", "score": 5 - n % 5}
    if call.schema is not None:
        return ScriptedReply(json.dumps(verdict))
    return ScriptedReply("".join(f"<{name}>{what}</{name}>" for name, what in verdict.items()))
