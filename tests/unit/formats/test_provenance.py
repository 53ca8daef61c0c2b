"""The sidecar has a line for each row, in their order, and says where it came from."""

import io
import json

from app.dataset_row import DatasetRow, Record
from app.formats.provenance import write_provenance


def test_each_row_has_a_line_with_its_origin() -> None:
    sink = io.BytesIO()
    rows = [
        DatasetRow(0, Record("a", "b"), origin={"run_id": "run_1", "sequence": 7}),
        DatasetRow(1, Record("c", "d", is_classification=True), "test", {"row": 3}, ("no_input",)),
        DatasetRow(2, Record("e", "f"), origin={"grown_by": "\u2028é"}),
    ]
    write_provenance(rows, sink)

    assert [json.loads(line) for line in sink.getvalue().decode().splitlines()] == [
        {"position": 0, "split": "train", "origin": {"run_id": "run_1", "sequence": 7},
         "changes": [], "is_classification": None},
        {"position": 1, "split": "test", "origin": {"row": 3},
         "changes": ["no_input"], "is_classification": True},
        {"position": 2, "split": "train", "origin": {"grown_by": "\u2028é"},
         "changes": [], "is_classification": None},
    ]  # fmt: skip
    assert sink.getvalue().count(b"\n") == 3
    assert b"instruction" not in sink.getvalue()
