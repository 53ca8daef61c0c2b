"""The content of `training.json`, the record of how a model was trained."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NotRequired, TypedDict

FILE_NAME = "training.json"
"""Name in the folder of the tuned model."""


class ParameterCounts(TypedDict):
    """Parameters of the model, including those of the adapter."""

    tuned: int
    total: int
    share: float
    """Tuned parameters divided by all parameters."""


class RowCounts(TypedDict):
    """The fields of `app.training.plain.encoding.EncodingReport`."""

    rows: int
    kept: int
    truncated: int
    dropped: int
    tokens: int
    tokens_under_loss: int
    tokens_cut: int
    folded_system: NotRequired[int]
    last_answer_only: NotRequired[int]
    refused: NotRequired[dict[str, int]]
    first_refused: NotRequired[dict[str, int]]


class TrainingRecord(TypedDict):
    """Options, counts and losses of a training."""

    options: dict[str, Any]
    """`app.training.plain.options.TrainingOptions` as JSON, so `Any`."""
    learning_rate: float
    """Highest learning rate."""
    parameters: ParameterCounts
    targets: list[str]
    """Names of the adapted modules."""
    ranks: dict[str, int]
    """Rank of each adapted module."""
    mergeable: bool
    steps: int
    losses: list[float]
    """Mean loss of each step, in nats."""
    rows: RowCounts
    labels: dict[str, int]
    """Labels of a classifier, each with its number of rows; else empty."""
    dataset: NotRequired[str]
    """Name and version of the data set."""


def read_record(folder: Path) -> TrainingRecord:
    """Read the record in the folder of a tuned model.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is no JSON.
    """
    record: TrainingRecord = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    return record


def row_notes(rows: RowCounts) -> Sequence[str]:
    """Return a sentence for each way in which rows were learnt differently, or not at all."""
    first = rows.get("first_refused", {})
    notes = [
        f"Rows not learnt: {count:,}, the first is row {first[reason]:,}: {reason}."
        for reason, count in sorted(rows.get("refused", {}).items())
    ]
    if folded := rows.get("folded_system", 0):
        notes.append(
            f"Rows whose system message stands before the first question: {folded:,}; the chat "
            "template takes no system message."
        )
    if last_only := rows.get("last_answer_only", 0):
        notes.append(
            f"Rows of several turns of which only the last answer is learnt: {last_only:,}; the "
            "chat template writes earlier answers in another way."
        )
    return notes
