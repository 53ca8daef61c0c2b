"""The rows of a small run in which nothing is wrong, for `test_books` to spoil."""

import json
from decimal import Decimal
from typing import Any

from app.store.declarative import Table
from app.store.tables.completions import CompletionRow, PromptText
from app.store.tables.instructions import InstanceRow, InstructionRow, Rejection
from app.store.tables.runs import Run, RunEvent, SeedSet, SeedTaskRow
from app.store.tables.work import WorkItem

RUN_ID = "run_1"
_TEXTS = ("Describe a harbour at night.", "Explain how bread rises in an oven.")


def _completion(id_: int, item: int | None, stage: str, reply: str) -> dict[str, Any]:
    return {
        "id": id_,
        "run_id": RUN_ID,
        "work_item_id": item,
        "stage": stage,
        "prompt_version": "",
        "prompt_text_sha256": "0",
        "prompt": "",
        "demonstrations": [],
        "parameters": {},
        "model": "scripted",
        "reply": reply,
        "finish_reason": "stop",
        "prompt_tokens": 100 + id_,
        "completion_tokens": 10,
        "reply_id": f"scripted-{id_}",
        "latency_s": 0.5,
    }


def _item(id_: int, stage: str, ordinal: int) -> dict[str, Any]:
    return {
        "id": id_,
        "run_id": RUN_ID,
        "stage": stage,
        "priority": 1,
        "ordinal": ordinal,
        "subject": {},
        "state": "done",
        "completion_id": id_,
    }


def _instances(*outputs: str) -> str:
    return json.dumps({"instances": [{"input": "", "output": output} for output in outputs]})


COMPLETIONS = (
    _completion(1, 1, "generate", json.dumps({"instructions": [*_TEXTS, "No."]})),
    _completion(2, 2, "classify", "No"),
    _completion(3, 3, "classify", "No"),
    _completion(4, 4, "instantiate", _instances("Dark.")),
    _completion(5, 5, "instantiate", _instances("By yeast.")),
)
ROWS: tuple[tuple[type[Table], tuple[dict[str, Any], ...]], ...] = (
    (
        SeedSet,
        (
            {
                "id": "seeds_1",
                "name": "",
                "content_sha256": "",
                "task_count": 1,
                "classification_count": 0,
            },
        ),
    ),
    (
        SeedTaskRow,
        (
            {
                "seed_set_id": "seeds_1",
                "position": 0,
                "external_id": "",
                "name": "",
                "instruction": "Write a limerick that begins in a bakery.",
                "instances": [],
                "is_classification": False,
            },
        ),
    ),
    (
        Run,
        (
            {
                "id": RUN_ID,
                "seed_set_id": "seeds_1",
                "profile": "default",
                "model": "scripted",
                "options": {},
                "status": "succeeded",
                "accepted": 2,
                "tickets_issued": 1,
                "tickets_admitted": 1,
                "complete": 2,
                "instances": 2,
                "calls": 5,
                "prompt_tokens": 515,
                "completion_tokens": 50,
                "cost_usd": Decimal("0.00010725"),
                "presumed_spent_calls": 1,
                "presumed_spent_tokens": 200,
            },
        ),
    ),
    (PromptText, ({"sha256": "0", "text": ""},)),
    (
        WorkItem,
        (
            _item(1, "generate", 0),
            *(_item(2 + n, "classify", n) for n in range(2)),
            *(_item(4 + n, "instantiate", n) for n in range(2)),
        ),
    ),
    (CompletionRow, COMPLETIONS),
    (
        InstructionRow,
        tuple(
            {
                "run_id": RUN_ID,
                "sequence": n,
                "text": words,
                "completion_id": 1,
                "neighbours": [],
                "is_classification": False,
                "classified_by": 2 + n,
                "is_complete": True,
            }
            for n, words in enumerate(_TEXTS)
        ),
    ),
    (
        InstanceRow,
        tuple(
            {
                "run_id": RUN_ID,
                "sequence": n,
                "position": 0,
                "input": "",
                "output": output,
                "completion_id": 4 + n,
            }
            for n, output in enumerate(("Dark.", "By yeast."))
        ),
    ),
    (
        Rejection,
        (
            {
                "run_id": RUN_ID,
                "stage": "generate",
                "text": "No.",
                "reason": "too_short",
                "completion_id": 1,
            },
        ),
    ),
    (
        RunEvent,
        tuple(
            {"run_id": RUN_ID, "kind": kind, "data": data}
            for kind, data in (
                ("status", {"status": "queued"}),
                ("status", {"status": "running"}),
                ("status", {"status": "succeeded"}),
                ("preflight", {}),
                ("calibrated", {}),
            )
        ),
    ),
)
