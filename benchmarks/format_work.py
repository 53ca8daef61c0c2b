"""One format written or read once, in a process of its own that imports nothing but formats.

python -m benchmarks.format_work nothing|write|read FORMAT ROWS FILE
"""

import json
import random
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from app.atomic_files import written
from app.dataset_row import Record, Unreadable
from app.formats.files import opened
from app.formats.formats import FORMATS

_WORDS = "the of a seed grows into tree by rain and light; what is asked gets an answer: “10:30”"


def made_up(rows: int) -> Iterator[Record]:
    """Make rows about as long as Alpaca's, two in five with an input."""
    choice = random.Random(rows)
    words = _WORDS.split()
    texts = [" ".join(choice.choices(words, k=choice.randint(5, 90))) for _ in range(997)]
    for number in range(rows):
        text = texts[number % 997]
        yield Record(
            f"{number}: {text[:60]}",
            texts[number * 7 % 991],
            text[60:180] if number % 5 < 2 else "",
        )


def _peak_mb() -> float:
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    # After an exec, getrusage reports at least the peak of the parent.
    lines = status.read_text(encoding="ascii").splitlines()
    (peak,) = [line for line in lines if line.startswith("VmHWM")]
    return int(peak.split()[1]) / 1024


def work(what: str, name: str, rows: int, path: Path) -> None:
    """Write or read rows; print the time and the peak memory."""
    start = time.process_time()
    if what == "nothing":
        done = sum(1 for _ in made_up(rows))
    elif what == "write":
        with written(path) as sink:
            FORMATS[name].write(made_up(rows), sink)
        done = rows
    else:
        with opened(path) as source:
            done = sum(not isinstance(row, Unreadable) for row in FORMATS[name].read(source))
    assert done == rows, f"{done} of {rows} rows"  # noqa: S101 - a benchmark of half the work is none
    print(json.dumps({"seconds": time.process_time() - start, "peak_mb": _peak_mb()}))


if __name__ == "__main__":
    work(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
