"""Speed and memory of importing, counting and exporting versions of data sets.

    python -m benchmarks.versions [--rows 50000 1000000] [--quick] [--database-url URL]

Rows are made up. Each step is a process of its own, as a worker or the API would do it, whose peak
memory is the system's figure for it. Taking in is reading and storing; counting is the last pass
(hash, statistics, verbs and nouns by the rules); the rest writes the stored rows as a file.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from app.services.context import open_service_context
from app.services.datasets import importing, lists, make
from app.services.datasets.files import FileRequest, make_file
from app.services.datasets.importing import Upload
from app.services.datasets.recipe import Import
from app.settings import Settings
from app.store.database import Database
from app.store.migrate import migrate
from benchmarks.format_work import made_up

_ROWS = [50_000, 1_000_000]
_QUICK = [2_000, 20_000]
_STEPS = ("take in", "count", "alpaca", "parquet")


def _work(step: str, folder: Path, url: str) -> None:
    """Run one step in this process; print its time and memory."""
    settings = Settings(data_dir=folder, database_url=url)
    with closing(open_service_context(settings)) as context:
        began = time.process_time()
        if step == "take in":
            upload = Upload("made-up", Import(format="alpaca_jsonl"), folder / "rows.jsonl")
            importing.import_dataset(context, upload)
        else:
            page = lists.list_datasets(context, name="made-up", cursor=None, limit=1)
            (dataset,) = page.items
            if step == "count":
                make.make_dataset(context, dataset.id, lambda: False)
            else:
                make_file(context, dataset, FileRequest(step))
        took_s = time.process_time() - began
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": took_s, "peak_mb": peak_mb}))


def _measured(step: str, folder: Path, url: str) -> tuple[float, float]:
    command = [sys.executable, "-m", "benchmarks.versions", "--step", step]
    command += ["--folder", str(folder), "--database-url", url]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    return found["seconds"], found["peak_mb"]


def _report(rows: int, folder: Path, url: str | None) -> None:
    """Print a line for each step with this many rows."""
    url = url or f"sqlite:///{folder / 'versions.db'}"
    database = Database(url)
    migrate(database)
    database.close()
    with (folder / "rows.jsonl").open("w", encoding="utf-8") as file:
        for record in made_up(rows):
            row = {"instruction": record.instruction, "input": record.input}
            file.write(json.dumps({**row, "output": record.output}, ensure_ascii=False) + "\n")
    for step in _STEPS:
        seconds, peak_mb = _measured(step, folder, url)
        print(f"{rows:>10,} {step:10}{rows / seconds:>12,.0f}{peak_mb:>10.1f}", flush=True)


def main() -> None:
    """Measure all steps, or run one step in this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--database-url", help="an empty database for each size; default: SQLite")
    parser.add_argument("--step", choices=_STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        _work(given.step, given.folder, given.database_url)
        return
    print(f"{'rows':>10} {'step':10}{'rows/CPU s':>12}{'peak MB':>10}")
    for rows in given.rows or (_QUICK if given.quick else _ROWS):
        with tempfile.TemporaryDirectory() as folder:
            _report(rows, Path(folder), given.database_url)


if __name__ == "__main__":
    main()
