"""Speed of writing and reading each format, and its peak memory at several sizes.

    python -m benchmarks.formats [--rows 50000 1000000] [--quick]

Rows are made up. Every writing and every reading is a process of its own, whose peak memory is the
system's figure for it; times are processor seconds. Then rows of a database are read with nothing
done to them and written as Alpaca JSON, in turns.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from app.atomic_files import written
from app.dataset_row import Record
from app.formats.formats import FORMATS
from app.pipeline.options import RunOptions
from app.pipeline.seed_tasks import read_seed_tasks
from app.pipeline.types import Instance
from app.services.context import ServiceContext, open_service_context
from app.services.runs import rows as run_rows
from app.services.runs.control import get_run, start_run
from app.services.runs.run_request import RunRequest
from app.settings import Settings
from app.store.database import Database
from app.store.migrate import migrate
from app.store.tables.runs import Run
from app.store.work import instructions
from benchmarks.format_work import made_up

_SEEDS = Path(__file__).parent.parent / "seed_tasks" / "seed_tasks.jsonl"
_ROWS = [50_000, 1_000_000]
_QUICK = [2_000, 20_000]
_ROUNDS = 5
_CHUNK = 5_000


def _measured(what: str, name: str, rows: int, path: Path) -> tuple[float, float]:
    """Rows per second, and peak memory in megabytes."""
    module = "benchmarks.format_work"
    command = [sys.executable, "-m", module, what, name, str(rows), str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    return rows / found["seconds"], found["peak_mb"]


def report_formats(sizes: list[int], folder: Path) -> None:
    """Print a line for each format: rows a second and peak memory of each size."""
    heads = "".join(f"{f'{rows:,} rows/s':>18}{'peak MB':>9}" for rows in sizes)
    print(f"{'':24}{heads}{'MB more':>9}", flush=True)
    for what, name in [("nothing", ""), *((w, n) for n in FORMATS for w in ("write", "read"))]:
        found = [_measured(what, name, rows, folder / f"{name}-{rows}") for rows in sizes]
        cells = "".join(f"{speed:18,.0f}{peak:9.1f}" for speed, peak in found)
        label = f"{what} {name}" if name else "rows made up alone"
        print(f"{label:24}{cells}{found[-1][1] - found[0][1]:9.1f}", flush=True)
        if what == "read":
            for rows in sizes:
                (folder / f"{name}-{rows}").unlink()


def _filled(context: ServiceContext, rows: int) -> str:
    """Store a run with this many rows; return its id."""
    request = RunRequest(None, read_seed_tasks(_SEEDS.read_bytes()), RunOptions(model="made-up"))
    run_id = start_run(context, request, None).id
    records = list(made_up(rows))
    for first in range(0, rows, _CHUNK):
        chunk = list(enumerate(records[first : first + _CHUNK], start=first))
        with context.database.write() as session:
            instructions.add(session, [_instruction(run_id, n, record) for n, record in chunk])
            made = [
                instructions.Made(n, n + 1, [Instance(record.input, record.output)])
                for n, record in chunk
            ]
            instructions.add_instances(session, run_id, made)
    with context.database.write() as session:
        run = session.get_one(Run, run_id)
        run.accepted = rows
    return run_id


def _instruction(run_id: str, sequence: int, record: Record) -> dict[str, object]:
    return {
        "run_id": run_id,
        "sequence": sequence,
        "text": record.instruction,
        "completion_id": sequence + 1,
        "neighbours": [],
        "is_classification": None,
        "is_complete": True,
    }


def report_database(rows: int, folder: Path) -> None:
    """Print how much longer writing takes than reading the same rows with nothing done."""
    url = f"sqlite:///{folder / 'rows.db'}"
    database = Database(url)
    migrate(database)
    database.close()
    context = open_service_context(Settings(database_url=url))
    run_id = _filled(context, rows)
    times: dict[str, list[float]] = {"nothing done": [], "Alpaca JSON": []}

    def read() -> Iterable[Record]:
        return run_rows.rows(context, run_id)

    def written_out() -> None:
        with written(folder / "alpaca.json") as sink:
            FORMATS["alpaca"].write(read(), sink)

    for _ in range(_ROUNDS):
        times["nothing done"].append(_timed(lambda: sum(1 for _ in read())))
        times["Alpaca JSON"].append(_timed(written_out))
    assert get_run(context, run_id).accepted == rows  # noqa: S101 - all of it was there
    context.close()
    nothing, alpaca = (statistics.median(each) for each in times.values())
    print(
        f"{rows:,} rows of a SQLite database: read with nothing done {nothing:.2f} s,"
        f" written as Alpaca JSON {alpaca:.2f} s: {alpaca / nothing:.2f} times"
    )


def _timed(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main(arguments: list[str]) -> None:
    """Run the benchmark that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, nargs="+", default=_ROWS, help="small size first")
    parser.add_argument("--quick", action="store_true", help=f"{_QUICK} rows")
    chosen = parser.parse_args(arguments)
    sizes = _QUICK if chosen.quick else chosen.rows
    print(f"{os.cpu_count()} cores, processor seconds, one process each")
    with tempfile.TemporaryDirectory() as folder:
        report_formats(sizes, Path(folder))
        report_database(sizes[0] if chosen.quick else 52_002, Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
