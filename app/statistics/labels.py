"""Label balance of classification rows."""

from array import array
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from app.similarity.tokenizers import fold
from app.statistics.frequent_items import FrequentItems
from app.statistics.lengths import score_bins, score_place
from app.statistics.schema import (
    Counted,
    InstructionBalance,
    LabelBalance,
    LabelDistribution,
    Labels,
)

Way: TypeAlias = Literal["output_first", "input_first"]
Hashes: TypeAlias = npt.NDArray[np.int64]

_WAYS: dict[str | None, int] = {None: 0, "output_first": 1, "input_first": 2}
_LABELS_KNOWN = 50_000
_LABEL_LENGTH = 200
_TOP = 12


def label_of(output: str) -> str:
    """Return an output as a label: case and white space folded, no full stop at the end.

    Labels are compared by their first 200 characters, which bounds memory.
    """
    return fold(output[: 2 * _LABEL_LENGTH]).removesuffix(".").rstrip()[:_LABEL_LENGTH]


@dataclass(frozen=True, slots=True)
class _Rows:
    """Classification rows as hashes of their instructions and labels."""

    instructions: Hashes
    labels: Hashes
    texts: FrequentItems[str]

    def of(self, chosen: npt.NDArray[np.bool_], texts: FrequentItems[str]) -> "_Rows":
        return _Rows(self.instructions[chosen], self.labels[chosen], texts)


class LabelTally:
    """Collects classification rows: 17 bytes for each, and the texts of the most common labels."""

    def __init__(self) -> None:
        self._instructions = array("q")
        self._labels = array("q")
        self._ways = array("b")
        self._texts = [FrequentItems[str](_LABELS_KNOWN) for _ in range(4)]

    def add(self, instruction: int, output: str, way: Way | None) -> None:
        """Add one row; the instruction is given as its hash, used for equality only."""
        label = label_of(output)
        place = _WAYS[way]
        self._instructions.append(instruction)
        self._labels.append(hash(label))
        self._ways.append(place)
        self._texts[3].add(label)
        if place:
            self._texts[place].add(label)

    def labels(self) -> Labels:
        """Return the label balance of the rows added."""
        rows = _Rows(
            np.array(self._instructions, np.int64), np.array(self._labels, np.int64), self._texts[3]
        )
        ways = np.array(self._ways, np.int8)
        return Labels(
            all_rows=_balance(rows),
            output_first=_balance(rows.of(ways == 1, self._texts[1])),
            input_first=_balance(rows.of(ways == 2, self._texts[2])),
            way_unknown=int(np.count_nonzero(ways == 0)),
        )


def _balance(rows: _Rows) -> LabelBalance:
    return LabelBalance(whole=_distribution(rows), within=_within(rows))


def _distribution(rows: _Rows) -> LabelDistribution:
    counts = np.unique(rows.labels, return_counts=True)[1]
    total = int(counts.sum())
    shares = counts / total if total else counts.astype(float)
    entropy = abs(float(-(shares * np.log2(shares)).sum()))
    highest = float(np.log2(len(counts))) if len(counts) > 1 else 0.0
    top = rows.texts.top(_TOP)
    return LabelDistribution(
        rows=total,
        distinct=len(counts),
        top=[Counted(text=text, count=count) for text, count in top],
        undercounted_by=rows.texts.undercounted_by,
        entropy_bits=entropy if total else None,
        evenness=_share(entropy, highest) if total else None,
    )


def _within(rows: _Rows) -> InstructionBalance:
    evenness, commonest = _each_instruction(rows)
    counts = [0] * 10
    for value in evenness.tolist():
        counts[score_place(value)] += 1
    known = len(evenness) > 0
    return InstructionBalance(
        instructions=len(evenness),
        one_label_only=int(np.count_nonzero(commonest == 1.0)),
        mean_evenness=float(evenness.mean()) if known else None,
        mean_commonest_share=float(commonest.mean()) if known else None,
        evenness=score_bins(counts) if known else [],
    )


def _each_instruction(rows: _Rows) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return evenness and share of the most common label, by instruction with two or more rows."""
    if not len(rows.labels):
        return np.zeros(0), np.zeros(0)
    order = np.lexsort((rows.labels, rows.instructions))
    instructions, labels = rows.instructions[order], rows.labels[order]
    new = instructions[1:] != instructions[:-1]
    pairs = np.flatnonzero(np.concatenate(([True], new | (labels[1:] != labels[:-1]))))
    counts = np.diff(np.append(pairs, len(labels))).astype(np.float64)
    owners = instructions[pairs]
    starts = np.flatnonzero(np.concatenate(([True], owners[1:] != owners[:-1])))
    totals = np.add.reduceat(counts, starts)
    distinct = np.diff(np.append(starts, len(owners)))
    # H = log n - (sum of c log c) / n, without the share of each label.
    weighted = np.add.reduceat(counts * np.log2(counts), starts)
    entropy = np.log2(totals) - weighted / totals
    evenness = np.where(distinct > 1, entropy / np.log2(np.maximum(distinct, 2)), 0.0)
    several = totals >= 2
    commonest = np.maximum.reduceat(counts, starts) / totals
    return np.clip(evenness, 0.0, 1.0)[several], commonest[several]


def _share(part: float, whole: float) -> float:
    return min(1.0, part / whole) if whole else 0.0
