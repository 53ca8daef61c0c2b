"""Speed and memory of counting the statistics of a data set.

    python -m benchmarks.statistics [ALPACA_FILE] [--parser MODEL]

The file is Alpaca JSONL, gzipped or not. Rows are in memory before the clock starts; times are
processor seconds of one core. Memory is measured on synthetic rows that are all different.
"""

import argparse
import gzip
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from app.dataset_row import DatasetRow, Record
from app.statistics.collector import statistics_of
from app.statistics.rules import RuleFinder
from app.statistics.verbs import SpacyFinder, VerbFinder

_SIZES = (50_000, 200_000, 1_000_000)


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--parser", help="an installed spaCy model")
    parser.add_argument("--grow", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.grow is not None:
        _grow(arguments.grow)
        return
    for size in _SIZES:
        # A process of its own each, as a process never tells of less than its peak, and before this
        # one has grown, whose peak they inherit.
        command = [sys.executable, "-m", "benchmarks.statistics", "--grow", str(size)]
        subprocess.run(command, check=True)
    if arguments.file is not None:
        _time(arguments.file, arguments.parser)


def _time(path: Path, model: str | None) -> None:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        rows = [
            DatasetRow(i, Record(row["instruction"], row["output"], row["input"]))
            for i, row in enumerate(map(json.loads, lines))
        ]
    finders: list[VerbFinder | None] = [None, RuleFinder()]
    finders += [SpacyFinder.load(model)] if model else []
    for finder in finders:
        began = time.process_time()
        found = statistics_of(rows, finder)
        took_s = time.process_time() - began
        name = finder.name if finder else "no verbs"
        print(f"{name:>34} {found.rows:10,} rows {found.rows / took_s:10,.0f} rows/s", flush=True)


def _grow(size: int) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    found = statistics_of(_synthetic(size), RuleFinder())
    rate = size / (time.process_time() - began)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(
        f"{found.rows:10,} rows, all different {rate:10,.0f} rows/s {grown / 1024:8.1f} MB"
        f" {1024 * grown / size:6.0f} bytes a row",
        flush=True,
    )


def _synthetic(size: int) -> Iterator[DatasetRow]:
    for i in range(size):
        record = Record(
            f"Write {i} words about place {i % 977}.",
            f"Answer {i % 13}",
            "x" * (i % 3),
            is_classification=i % 4 == 0,
        )
        yield DatasetRow(i, record)


if __name__ == "__main__":
    main()
