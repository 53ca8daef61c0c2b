"""Speed of the near-duplicate index against rouge_score and rapidfuzz, and as it grows.

    python -m benchmarks.similarity POOL_FILE [--synthetic 1000000] [--plot growth.svg]

The pool file is Alpaca JSON or JSONL, gzipped or not; its instructions are replayed in order from
an empty index, tokenizing included. Times are processor seconds of one core in one run, medians of
repeated rounds where rapidfuzz and the index take turns, so that a busy machine slows down both.
"""

import argparse
import gzip
import json
import math
import os
import random
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import LCSseq
from rouge_score import rouge_scorer

from app.similarity import SimilarityIndex, TokenizerName
from app.similarity.tokenizers import TOKENIZERS

THRESHOLD = 0.7
_BLOCK = 64
_SMALLEST = 10_000


def read_instructions(path: Path) -> list[str]:
    """Return the instructions of an Alpaca file: a JSON array or one JSON object a line."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        text = file.read()
    rows = json.loads(text) if text.lstrip().startswith("[") else map(json.loads, text.splitlines())
    return [row["instruction"] for row in rows]


def mixed(texts: list[str], seed: int) -> Iterator[str]:
    """Yield texts without end, each the head of one real one and the tail of another."""
    choice = random.Random(seed)
    words = [text.split() for text in texts]
    while True:
        head, tail, cut = choice.choice(words), choice.choice(words), choice.random()
        yield " ".join(head[: round(cut * len(head))] + tail[round(cut * len(tail)) :])


def timed(work: Callable[[], object]) -> float:
    """Return the processor seconds that a call takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


@dataclass(frozen=True)
class Replay:
    """One pool file, worked through from an empty index by several means."""

    texts: list[str]
    tokenizer: TokenizerName

    @property
    def pairs(self) -> int:
        """The number of pairs of texts."""
        return len(self.texts) * (len(self.texts) - 1) // 2

    def rejected(self, *, inclusive: bool) -> int:
        """Return how many texts have a near-duplicate before them."""
        index = SimilarityIndex(tokenizer=self.tokenizer, threshold=THRESHOLD, inclusive=inclusive)
        rejected = 0
        for text in self.texts:
            if index.nearest(text) is None:
                index.insert(text)
            else:
                rejected += 1
        return rejected

    def rapidfuzz_all_pairs(self) -> None:
        """Compute the LCS of each text with all before it, 64 texts at a time."""
        numbers: dict[str, int] = {}
        tokenize = TOKENIZERS[self.tokenizer]
        strings = [
            "".join(chr(numbers.setdefault(token, len(numbers))) for token in tokenize(text))
            for text in self.texts
        ]
        for start in range(0, len(strings), _BLOCK):
            block = strings[start : start + _BLOCK]
            before = strings[: start + _BLOCK]
            process.cdist(block, before, scorer=LCSseq.similarity, dtype=np.uint16, workers=1)

    def rouge_score_extrapolated_s(self, sampled: int) -> float:
        """Return how long rouge_score would take for all pairs, called as Self-Instruct does."""
        scorer = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)
        choice = random.Random(1)
        pairs = [choice.sample(self.texts, 2) for _ in range(sampled)]
        seconds = timed(lambda: [scorer.score(one, other) for one, other in pairs])
        return seconds / sampled * self.pairs

    def bytes_per_text(self) -> float:
        """Return the memory the index takes for each text, the text itself not included."""
        tracemalloc.start()
        index = SimilarityIndex(tokenizer=self.tokenizer)
        before = tracemalloc.get_traced_memory()[0]
        index.extend(self.texts)
        taken = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        return taken / len(index)


def report_replay(replay: Replay, *, rounds: int, sampled: int) -> None:
    """Print the table of the replay."""
    ours, fuzz, rejected = [], [], 0
    for _ in range(rounds):
        start = time.process_time()
        rejected = replay.rejected(inclusive=False)
        ours.append(time.process_time() - start)
        fuzz.append(timed(replay.rapidfuzz_all_pairs))
    rejected_inclusive = replay.rejected(inclusive=True)
    rouge_s = replay.rouge_score_extrapolated_s(sampled)
    ours_s, fuzz_s = statistics.median(ours), statistics.median(fuzz)

    print(f"Replay of {len(replay.texts):,} instructions, tokenizer {replay.tokenizer}")
    print(f"  rejected at  > {THRESHOLD}: {rejected:,}; at >= {THRESHOLD}: {rejected_inclusive:,}")
    print(f"  {'means':44}{'seconds':>12}{'times ours':>12}")
    for name, seconds in (
        ("the index, tokenizing included", ours_s),
        (f"rapidfuzz, all pairs, {_BLOCK} at a time", fuzz_s),
        (f"rouge_score, EXTRAPOLATED from {sampled:,} pairs", rouge_s),
    ):
        print(f"  {name:44}{seconds:12,.2f}{seconds / ours_s:12,.1f}")
    print(f"  memory beyond the text: {replay.bytes_per_text():.0f} bytes an instruction")


@dataclass(frozen=True)
class Point:
    """Times at one size of the pool: queries in milliseconds, inserts in µs."""

    size: int
    median_ms: float
    p99_ms: float
    worst_ms: float
    insert_us: float


def measure_growth(texts: list[str], largest: int, queries: int) -> Iterator[Point]:
    """Yield a point for each size from 10,000 on, about four for each factor of ten."""
    index = SimilarityIndex()
    fresh, probes = mixed(texts, seed=2), mixed(texts, seed=3)
    for size in _sizes(largest):
        added = [next(fresh) for _ in range(size - len(index))]
        insert_s = timed(partial(index.extend, added))
        asked = [next(probes) for _ in range(queries)]
        times_ms = [1000 * timed(partial(index.nearest, text)) for text in asked]
        median, p99 = np.percentile(times_ms, [50, 99])
        yield Point(size, float(median), float(p99), max(times_ms), insert_s / len(added) * 1e6)


def _sizes(largest: int) -> list[int]:
    factors = [1, 1.8, 3.2, 5.6]
    steps = math.ceil(math.log10(max(largest, _SMALLEST) / _SMALLEST)) + 1
    sizes = [round(_SMALLEST * 10**step * factor) for step in range(steps) for factor in factors]
    return [size for size in sizes if size < largest] + [largest]


def report_growth(points: list[Point]) -> None:
    """Print the table and the plot of query time against pool size."""
    print(f"\n{'pool':>10}{'median ms':>11}{'p99 ms':>9}{'worst ms':>10}{'insert µs':>11}")
    longest = max(point.p99_ms for point in points)
    for point in points:
        print(
            f"{point.size:10,}{point.median_ms:11.3f}{point.p99_ms:9.3f}{point.worst_ms:10.3f}"
            f"{point.insert_us:11.1f}"
        )
    print("\nquery time against pool size: # median, - 99th percentile")
    for point in points:
        median, p99 = (round(60 * ms / longest) for ms in (point.median_ms, point.p99_ms))
        print(f"{point.size:10,} |{'#' * median}{'-' * (p99 - median)}")
    if len(points) > 1:
        first, last = points[0], points[-1]
        print(
            f"the pool grew {last.size / first.size:,.0f} times, the median query "
            f"{last.median_ms / first.median_ms:,.1f} times"
        )


def draw(points: list[Point], path: Path) -> None:
    """Write the growth curve as an SVG with logarithmic axes, linear growth dashed beside it."""
    decades_x = math.log10(points[-1].size / points[0].size) or 1
    lowest = min(point.median_ms for point in points) / 2

    def place(size: float, ms: float) -> str:
        x = 60 + 500 * math.log10(size / points[0].size) / decades_x
        return f"{x:.1f},{330 - 100 * math.log10(ms / lowest):.1f}"

    def line(values: list[float], style: str) -> str:
        corners = zip((point.size for point in points), values, strict=True)
        return f'<polyline fill="none" {style} points="{" ".join(place(*at) for at in corners)}"/>'

    linear = [points[0].median_ms * point.size / points[0].size for point in points]
    marks = [10.0**power for power in range(-3, 3) if lowest <= 10.0**power <= max(linear)]
    labels = [(place(points[0].size, ms), f"{ms:g} ms") for ms in marks]
    labels += [(place(point.size, lowest), f"{point.size:,}") for point in points[::4]]
    words = "".join(
        f'<text x="{at.split(",")[0]}" y="{at.split(",")[1]}" dx="-50" dy="16">{label}</text>'
        for at, label in labels
    )
    path.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 360" font-family="sans-serif"'
        ' font-size="12"><rect width="640" height="360" fill="white"/>'
        + line([point.median_ms for point in points], 'stroke="#0a6" stroke-width="2"')
        + line([point.p99_ms for point in points], 'stroke="#d60" stroke-width="2"')
        + line(linear, 'stroke="#999" stroke-dasharray="4"')
        + words
        + '<text x="70" y="20">query time: median green, 99th percentile orange, '
        "linear growth dashed</text></svg>\n",
        encoding="utf-8",
    )


def main(arguments: list[str]) -> None:
    """Run the benchmark that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.similarity", description=__doc__)
    parser.add_argument("pool_file", type=Path)
    parser.add_argument("--tokenizer", choices=sorted(TOKENIZERS), default="rouge")
    parser.add_argument("--rounds", type=int, default=3, help="of the replay and of rapidfuzz")
    parser.add_argument("--sampled", type=int, default=5000, help="pairs given to rouge_score")
    parser.add_argument("--queries", type=int, default=1000, help="at each size of the pool")
    parser.add_argument(
        "--synthetic", type=int, metavar="N", help="grow a pool of mixed texts to N"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write the curve as SVG")
    options = parser.parse_args(arguments)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

    texts = read_instructions(options.pool_file)
    if options.rounds:
        replay = Replay(texts, options.tokenizer)
        report_replay(replay, rounds=options.rounds, sampled=options.sampled)
    if options.synthetic:
        points = list(measure_growth(texts, options.synthetic, options.queries))
        report_growth(points)
        if options.plot:
            draw(points, options.plot)


if __name__ == "__main__":
    main(sys.argv[1:])
