"""Examples in the OpenAPI document: they work when pasted."""

import json
from typing import Any

_TASKS: list[dict[str, Any]] = [
    {
        "id": "tea",
        "name": "tea_for_two",
        "instruction": "Explain to a guest how to brew a pot of black tea for two people.",
        "instances": [
            {
                "input": "",
                "output": "Warm the pot, add two teaspoons of tea, pour on half a litre of"
                " boiling water, wait four minutes and strain.",
            }
        ],
        "is_classification": False,
    },
    {
        "id": "mood",
        "name": "review_mood",
        "instruction": "Decide whether the review of a restaurant is happy or unhappy.",
        "instances": [
            {"input": "We waited an hour for cold soup.", "output": "unhappy"},
            {"input": "The best dumplings of my life!", "output": "happy"},
        ],
        "is_classification": True,
    },
]

SEED_SET: dict[str, Any] = {"name": "two to begin with", "tasks": _TASKS}
SEED_TASKS_JSONL = "\n".join(json.dumps(task, ensure_ascii=False) for task in _TASKS)
RUN: dict[str, Any] = {"seed_tasks": _TASKS, "options": {"target": 10, "random_seed": 7}}
