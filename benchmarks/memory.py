"""Memory of one worker over a long run: constant except for the near-duplicate index."""

from collections.abc import Iterator

from benchmarks.endpoint import Endpoint
from benchmarks.meter import Reading, readings
from benchmarks.service import Service

_STEP = 1000
_BYTES = 1024 * 1024


def report_memory(service: Service, served: Endpoint, target: int) -> None:
    """Run one worker and print a line for each 1,000 accepted instructions."""
    print(f"{'accepted':>10}{'calls':>10}{'MB':>9}{'calls/s':>10}{'CPU ms/call':>13}")
    run_id = service.start(target)
    with service.workers(run_id, 1) as processes:
        read = readings(processes, served)
        rows = [(0, next(read))]
        for accepted, reading in _steps(service, run_id, read):
            _, before = rows[-1]
            calls = max(1, reading.calls - before.calls)
            print(
                f"{accepted:10,}{reading.calls:10,}{reading.resident_mb:9.1f}"
                f"{calls / (reading.at_s - before.at_s):10,.0f}"
                f"{1000 * (reading.cpu_s - before.cpu_s) / calls:13.2f}",
                flush=True,
            )
            rows.append((accepted, reading))
    _report_growth(rows[1:])


def _steps(service: Service, run_id: str, read: Iterator[Reading]) -> Iterator[tuple[int, Reading]]:
    """Keep the first reading past each further 1,000 instructions, and the last one."""
    following = _STEP
    accepted, reading = 0, None
    for reading in read:
        accepted = service.accepted(run_id)
        if accepted >= following:
            following = accepted - accepted % _STEP + _STEP
            yield accepted, reading
    if reading is not None:
        yield accepted, reading


def _report_growth(rows: list[tuple[int, Reading]]) -> None:
    """Return the bytes per instruction of the second half, after the warm-up."""
    (first, before), (last, after) = rows[len(rows) // 2], rows[-2]
    if last > first:
        grown = (after.resident_mb - before.resident_mb) * _BYTES / (last - first)
        print(
            f"from {first:,} to {last:,} instructions: {before.resident_mb:.1f} to"
            f" {after.resident_mb:.1f} MB, {grown:,.0f} bytes an instruction"
        )
