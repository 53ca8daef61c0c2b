"""One run through all the faults of a schedule, and what is found afterwards."""

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from tests.faults import books, ledger, nearness
from tests.faults.chaos import Chaos, Done, Doses, Kind, schedule
from tests.faults.cluster import Cluster, Size, cluster
from tests.faults.endpoint import Call
from tests.servers.postgresql import postgresql_process

_SEEDS = Path(__file__).resolve().parents[2] / "seed_tasks" / "seed_tasks.jsonl"
_FINAL = ("succeeded", "failed", "cancelled", "paused")
_LOOK_EVERY_S = 0.1
GOAL_REPEATED = 0.02
"""Of all calls: those whose reply was paid and not recorded."""
GOAL_STALL_S = 10.0
"""The longest time without a recorded reply."""
LONGEST_SILENCE_S = 3 * GOAL_STALL_S
"""Beyond it a test fails. The goals themselves are only printed: how many calls of a pump are in
flight when it dies, and how long the next one takes to start, depends on the machine."""
FIGURES = "survival"
"""Name of the property of a test that holds its figures."""


@dataclass(frozen=True, slots=True)
class Form:
    """A run, and what happens to it."""

    target: int
    least_calls: int
    """Fewer would be another test."""
    doses: Doses
    size: Size
    seed: int
    most_s: float
    """Longer than this, and the run counts as stuck."""


@dataclass(slots=True)
class Watch:
    """What is known of a run from outside, while processes come and go."""

    cluster: Cluster
    run_id: str
    target: int
    status: str = "queued"
    accepted: int = 0

    @property
    def over(self) -> bool:
        """Whether nobody works on it any more."""
        return self.status in _FINAL

    @property
    def progress(self) -> float:
        """0 to 1."""
        return self.accepted / self.target

    def look(self) -> None:
        """Read where it stands; a database that is away leaves what was known."""
        try:
            with self.cluster.database.engine.connect() as connection:
                self.status, self.accepted = connection.execute(
                    text("SELECT status, accepted FROM runs WHERE id = :run"), {"run": self.run_id}
                ).one()
        except DBAPIError:
            return

    def until(self, done: Callable[[], bool], most_s: float) -> bool:
        """Keep the cluster up and look, until `done`; False when it took longer than `most_s`."""
        give_up_at = time.monotonic() + most_s
        while time.monotonic() < give_up_at:
            self.cluster.tend()
            self.look()
            if done():
                return True
            time.sleep(_LOOK_EVERY_S)
        return False


@dataclass(frozen=True, slots=True)
class Found:
    """What a run came to."""

    violations: list[str]
    landed: Counter[Kind]
    """Faults that came while there was work to do."""
    calls: int
    """By the endpoint's count."""
    repeated: ledger.Repeated
    silence_s: float
    """The longest time without a recorded reply."""
    took_s: float

    def __str__(self) -> str:
        """For the log of a test."""
        parts = self.repeated
        share = parts.total / self.calls
        stall = f"{self.silence_s:.1f} s (goal {GOAL_STALL_S:.0f} s"
        return (
            f"repeated calls {share:.1%} (goal {GOAL_REPEATED:.0%},"
            f" {_verdict(share <= GOAL_REPEATED)}):"
            f" {parts.in_flight / self.calls:.1%} in flight at a kill,"
            f" {parts.unrecorded / self.calls:.1%} answered and not recorded,"
            f" {parts.late / self.calls:.1%} answered to a frozen worker;"
            f" longest stall {stall}, {_verdict(self.silence_s <= GOAL_STALL_S)});"
            f" {self.calls} calls in {self.took_s:.0f} s, {sum(self.landed.values())} faults"
            f" {dict(self.landed)}, violations: {self.violations or 'none'}"
        )


def _verdict(is_met: bool) -> str:
    return "met" if is_met else "missed"


def start_run(cluster: Cluster, **options: Any) -> Watch:
    """Start a run over the API."""
    seeds = [json.loads(line) for line in _SEEDS.read_text(encoding="utf-8").splitlines()]
    answer = httpx.post(
        f"{cluster.api_url}/v1/runs",
        json={"seed_tasks": seeds, "options": options},
        timeout=30.0,
        trust_env=False,
    )
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text
    return Watch(cluster, answer.json()["id"], options["target"])


def survive(cluster: Cluster, form: Form) -> Found:
    """Run, with all that is scheduled happening meanwhile, and look at what came of it."""
    watch = start_run(
        cluster, target=form.target, tasks_per_request=2, lookahead=64, random_seed=form.seed
    )
    chaos = Chaos(cluster, schedule(form.doses, form.seed), form.size.lease_s, form.seed)

    def over() -> bool:
        chaos.step(watch.progress)
        return watch.over

    ended = watch.until(over, form.most_s)
    chaos.end()
    cluster.await_ready()
    found = examine(watch, chaos.done)
    if not ended:
        found.violations.insert(0, f"not over after {form.most_s} s: {watch.accepted} accepted")
    return found


def examine(watch: Watch, done: list[Done]) -> Found:
    """Hold a run's rows against everything that must be true of them."""
    reported = _get(f"{watch.cluster.api_url}/v1/runs/{watch.run_id}")
    log = await_log(watch.cluster)
    with watch.cluster.database.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            # Between two looks at the rows there is much to reckon.
            connection.execute(text("SET idle_in_transaction_session_timeout = 0"))
        started, ended = connection.execute(
            text("SELECT started_at, ended_at FROM runs WHERE id = :run"), {"run": watch.run_id}
        ).one()
        ended = ended or time.time()
        return Found(
            violations=violations(connection, watch, log, reported),
            landed=Counter(fault.kind for fault in done if fault.over_at < ended),
            calls=len(log),
            repeated=ledger.repeated(connection, watch.run_id, log),
            silence_s=ledger.longest_silence_s(connection, watch.run_id),
            took_s=ended - started,
        )


def violations(
    connection: Connection, watch: Watch, log: list[Call], reported: dict[str, Any]
) -> list[str]:
    """All that is wrong with a run that is over."""
    run_id = watch.run_id
    return [
        *books.target_missed(connection, run_id, watch.target),
        *books.broken(connection, run_id, (*books.LOST, *books.DOUBLED)),
        *books.misread_replies(connection, run_id),
        *books.repeated_events(connection, run_id),
        *nearness.near_duplicates(connection, run_id),
        *ledger.unbalanced(connection, run_id, log),
        *ledger.unlike_the_api(connection, run_id, reported),
    ]


def await_log(cluster: Cluster) -> list[Call]:
    """The endpoint's books, once nothing is in flight any more."""
    until = time.monotonic() + 30.0
    while (counts := _get(f"{cluster.endpoint_url}/calls"))["in_flight"]:
        assert time.monotonic() < until, counts
        time.sleep(0.1)
    # A caller that was killed in the middle of its question was counted, and never answered.
    return [Call(**entry) for entry in _get(f"{cluster.endpoint_url}/log")]


def _get(url: str) -> Any:
    answer = httpx.get(url, timeout=30.0, trust_env=False)
    answer.raise_for_status()
    return answer.json()


def on_postgresql(form: Form, folder: Path) -> Found:
    """Survive on a PostgreSQL of its own, which crashes too."""
    with postgresql_process() as postgresql:
        url = postgresql.server.url(postgresql.server.create_database())
        with cluster(form.size, url, folder, postgresql=postgresql) as running:
            return survive(running, form)


def on_sqlite(form: Form, folder: Path) -> Found:
    """Survive on SQLite."""
    with cluster(form.size, f"sqlite:///{folder / 'seedbed.db'}", folder) as running:
        return survive(running, form)


def _most_cut_off(form: Form) -> int:
    """Return the most calls that the faults can cut off, on whatever machine.

    A pump that dies or freezes loses at most what it has in flight; all other parts lose none.
    """
    doses, size = form.doses, form.size
    pumps = (doses.worker + doses.freeze) * size.children + doses.child
    return pumps * size.concurrency


def hold(found: Found, form: Form, record_property: Callable[[str, object], None]) -> None:
    """Hold what was found to what must be; its figures are printed at the end of the test run."""
    record_property(FIGURES, str(found))
    assert found.violations == []
    wanted = Counter(form.doses.kinds())
    # All of them, and every one while there was work to do.
    assert found.landed == wanted
    assert found.calls >= form.least_calls
    assert found.repeated.total <= _most_cut_off(form)
    assert found.silence_s <= LONGEST_SILENCE_S
