"""Errors of many vendors, servers and gateways: each gets the class that decides what follows."""

import json
from pathlib import Path

from tests.unit.llm.failures.test_provider_errors import trouble_of

ROWS = [
    json.loads(line)
    for line in Path(__file__).with_name("vendor_errors.jsonl").read_text("utf-8").splitlines()
]
"""Name, HTTP status, classes of which one is right, body, and headers."""


def test_an_error_gets_its_class_in_the_words_of_any_vendor() -> None:
    wrong = []
    for name, status, kinds, body, *headers in ROWS:
        one = body[0] if status < 300 and isinstance(body, list) else body
        trouble = trouble_of(status, one, **(headers[0] if headers else {}))
        if type(trouble).__name__ not in kinds.split("|"):
            wrong.append((name, type(trouble).__name__, str(trouble)))
    assert wrong == []


def test_the_rows_are_of_all_kinds_of_trouble() -> None:
    kinds = {kind for row in ROWS for kind in row[2].split("|")}
    wanted = {"RunError", "Throttled", "Outage", "ItemError", "ParameterError", "TextFiltered"}
    assert kinds >= wanted | {"ContextExceeded"}
    assert len(ROWS) > 130
