"""Speed of this checkout against another one.

    python -m benchmarks.against ../other-checkout [--rounds 10] [--pool alpaca.json.gz]
    python -m benchmarks.against ../other-checkout --databases= --pool alpaca.json.gz

Runs the same benchmark on both checkouts in turn, in as many rounds as asked for, with the same
interpreter, and prints for each figure the median of the ratios within a round. A busy machine
slows down both halves of a round alike. A ratio above 1 means that this checkout is faster. Of the
pipeline each checkout runs its own benchmark, because that one uses inner names. Of the index both
run this one's: an older one may measure other operations, such as a lookup and an insertion in one.
"""

import argparse
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parents[1]
LEAST_RATIO = 0.95
_WORKERS = re.compile(r"^(\d workers?, \w+)\s+([\d,]+)\s+[\d.]+\s+([\d.]+)", re.MULTILINE)
_INDEX = re.compile(r"^\s*(the index, tokenizing included)\s+([\d.,]+)", re.MULTILINE)


def figures(checkout: Path, benchmark: Sequence[str]) -> dict[str, float]:
    """Run a benchmark, given as arguments of Python, with the code of a checkout.

    Returns:
        Its figures by name; larger is better.

    Raises:
        RuntimeError: when it fails or prints no figure, with what it printed.
    """
    done = subprocess.run(
        # -P: the script's folder has a module `statistics` of its own.
        [sys.executable, "-P", *benchmark],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        check=False,
    )
    found = dict(_read(done.stdout))
    if done.returncode or not found:
        raise RuntimeError(f"{benchmark} in {checkout}:\n{done.stdout}{done.stderr}")
    return found


def _read(printed: str) -> list[tuple[str, float]]:
    read = []
    for name, calls, cpu_ms in _WORKERS.findall(printed):
        read.append((f"{name}: calls/s", float(calls.replace(",", ""))))
        read.append((f"{name}: calls per second of CPU", 1000 / float(cpu_ms)))
    for name, seconds in _INDEX.findall(printed):
        read.append((f"{name}: replays per second", 1 / float(seconds.replace(",", ""))))
    return read


def ratios(other: Path, benchmark: Sequence[str], rounds: int) -> Mapping[str, Sequence[float]]:
    """Return, by figure, this checkout's share of the other's in each round."""
    found = defaultdict(list)
    for number in range(rounds):
        # Who goes first changes from round to round.
        order = (HERE, other) if number % 2 else (other, HERE)
        read = {checkout: figures(checkout, benchmark) for checkout in order}
        for name in read[HERE].keys() & read[other].keys():
            found[name].append(read[HERE][name] / read[other][name])
        # Printed at once: a round takes minutes, and a later one may fail.
        last = ", ".join(f"{name} {each[-1]:.2f}" for name, each in sorted(found.items()))
        print(f"round {number + 1} of {rounds}: {last}", file=sys.stderr, flush=True)
    return found


def main(arguments: Sequence[str]) -> int:
    """Compare, print, and fail when a median is below the least ratio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("other", type=Path, help="the checkout to compare with")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--calls", default="1500", help="model calls of each way in a round")
    parser.add_argument(
        "--databases", default="sqlite,postgresql", help="of the pipeline; empty: leave it out"
    )
    parser.add_argument("--pool", help="an Alpaca file: compares the near-duplicate index, too")
    asked = parser.parse_args(arguments)
    other = asked.other.resolve()
    found: dict[str, Sequence[float]] = {}
    if asked.databases:
        size = ["--rounds", "1", "--calls", asked.calls, "--databases", asked.databases]
        found |= ratios(other, ["-m", "benchmarks.pipeline", *size], asked.rounds)
    if asked.pool:
        script = str(HERE / "benchmarks" / "similarity.py")
        pool = str(Path(asked.pool).resolve())
        found |= ratios(other, [script, pool, "--synthetic", "10000"], asked.rounds)
    print(f"{'figure':52}{'median':>8}{'lowest':>8}{'highest':>9}")
    for name, each in sorted(found.items()):
        print(f"{name:52}{median(each):8.2f}{min(each):8.2f}{max(each):9.2f}")
    return int(any(median(each) < LEAST_RATIO for each in found.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
