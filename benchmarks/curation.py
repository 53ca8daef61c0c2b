"""Cost of curation: each filter, all of them, and the passes over a whole data set.

    python -m benchmarks.curation ROWS_FILE [--rounds 3]

The file is Alpaca JSON or JSONL, gzipped or not. Times are processor seconds of one core in one
run, the least of some rounds.
"""

import argparse
import gzip
import json
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from app.curation.comparison import compare
from app.curation.decontamination import Decontamination
from app.curation.filter import Dropped, Filter, Kept, screen
from app.curation.filters.answers.other_language import language_of
from app.curation.mixing import Source, plan_mix
from app.curation.nearness import Nearness
from app.curation.options import (
    DecontaminationOptions,
    FilterOptions,
    MixOptions,
    NearnessOptions,
    SourceOptions,
    SplitOptions,
)
from app.curation.splitting import split
from app.curation.table import FILTERS, chosen
from app.dataset_row import DatasetRow, Record
from app.similarity import SimilarityIndex

_TEST_ITEMS = 2_000
_SEEDS = 175


def read_rows(path: Path) -> list[DatasetRow]:
    """Return the rows of an Alpaca file: a JSON array or one JSON object a line."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        text = file.read()
    rows = json.loads(text) if text.lstrip().startswith("[") else map(json.loads, text.splitlines())
    records = (Record(row["instruction"], row["output"], row["input"]) for row in rows)
    return [DatasetRow(position, record) for position, record in enumerate(records)]


def least_s(work: Callable[[], object], rounds: int) -> float:
    """Return the processor seconds of the fastest of some rounds."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def report_filters(rows: list[DatasetRow], rounds: int) -> None:
    """Print the time of each filter and of the default ones together."""
    # The first text pays for loading the language model.
    language_of("Here we are.", 0.9)
    print(f"{'filter':22}{'µs/row':>9}{'rows/s':>12}{'dropped':>9}{'mended':>8}")
    for each in FILTERS:
        seconds = least_s(lambda each=each: apply_all(each, rows), rounds)  # type: ignore[misc]
        dropped, mended = apply_all(each, rows)
        _print_line(each.name, seconds, len(rows), f"{dropped:9,}{mended:8,}")
    filters = chosen(FilterOptions())

    def screen_all() -> list[Kept | Dropped]:
        return [screen(row.record, filters) for row in rows]

    answers = screen_all()
    reasons = Counter(each.reason for each in answers if isinstance(each, Dropped))
    mended = sum(bool(each.changes) for each in answers if isinstance(each, Kept))
    seconds = least_s(screen_all, rounds)
    _print_line("all that are on", seconds, len(rows), f"{sum(reasons.values()):9,}{mended:8,}")
    print("  " + ", ".join(f"{reason} {count:,}" for reason, count in reasons.most_common()))


def apply_all(rule: Filter, rows: list[DatasetRow]) -> tuple[int, int]:
    """Return how many rows a filter drops, and how many it mends."""
    answers = [(row.record, rule.apply(row.record)) for row in rows]
    dropped = sum(isinstance(answer, Dropped) for _, answer in answers)
    return dropped, sum(answer is not record for record, answer in answers) - dropped


def report_passes(rows: list[DatasetRow], rounds: int) -> None:
    """Print the time of the steps that read the whole data set."""
    instructions = [row.record.instruction for row in rows]
    exam = Decontamination(
        {"exam": (row.record.request for row in rows[:: max(len(rows) // _TEST_ITEMS, 1)])},
        DecontaminationOptions(),
    )
    seeds = SimilarityIndex()
    seeds.extend(instructions[:_SEEDS])
    halves = [Source(len(rows), SourceOptions(weight=weight)) for weight in (1, 2)]

    def check_all() -> None:
        nearness = Nearness(NearnessOptions(within=True))
        nearness.keep_away_from("half", instructions[::2])
        for row in rows:
            nearness.check(row)

    def mix() -> None:
        list(plan_mix(halves, MixOptions(order="shuffled")).rows([rows, rows]))

    def decontaminate() -> None:
        for row in rows:
            exam.hits(row.record)

    print(f"\n{'pass over all rows':22}{'µs/row':>9}{'rows/s':>12}")
    for name, work in (
        ("nearness", check_all),
        ("decontamination", decontaminate),
        ("overlap with seeds", lambda: [seeds.most_similar(text, 1) for text in instructions]),
        ("split", lambda: split(instructions, SplitOptions(test_share=0.1))),
        ("mix of two", mix),
        ("comparison", lambda: list(compare(rows, rows[1:]))),
    ):
        _print_line(name, least_s(work, rounds), len(rows))


def report_memory(rows: list[DatasetRow]) -> None:
    """Print the memory that comparing two versions takes for each row."""
    changed = [
        DatasetRow(row.position, Record(row.record.instruction, f"{row.position}")) for row in rows
    ]
    print()
    for name, other in (("one row less", rows[1:]), ("every row changed", changed)):
        tracemalloc.start()
        for _ in compare(rows, other):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(f"comparison, {name}: {peak / len(rows):.0f} bytes a row at most")


def _print_line(name: str, seconds: float, rows: int, more: str = "") -> None:
    print(f"{name:22}{seconds / rows * 1e6:9.1f}{rows / seconds:12,.0f}{more}", flush=True)


def main() -> None:
    """Read the file and print all tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("rows_file", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    rows = read_rows(arguments.rows_file)
    print(f"{len(rows):,} rows")
    report_filters(rows, arguments.rounds)
    report_passes(rows, arguments.rounds)
    report_memory(rows)


if __name__ == "__main__":
    main()
