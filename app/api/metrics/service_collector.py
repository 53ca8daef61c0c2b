"""The metrics of all processes, made of the figures in the database."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from app.counters import COUNTERS
from app.services.monitoring import FiguresReader
from app.store.gauges import Gauges

Values = Mapping[tuple[str, ...], float]


class ServiceCollector(Collector):
    """Shows the last figures that were read; it reads nothing by itself."""

    def __init__(self, reader: FiguresReader) -> None:
        self._reader = reader

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics; the last known ones while the database does not answer."""
        reader = self._reader
        yield _gauge(
            "seedbed_database_up",
            "1 if the last read of the database for these metrics succeeded, else 0.",
            (),
            {(): float(reader.is_database_up)},
        )
        yield _gauge(
            "seedbed_figures_age_seconds",
            "Seconds since these metrics were read from the database.",
            (),
            {(): reader.age_s()},
        )
        figures = reader.latest
        if figures is not None:
            yield from _counters(figures.counters)
            yield from _gauges(figures.gauges)


def _counters(found: Mapping[tuple[str, tuple[str, ...]], int]) -> Iterator[Metric]:
    by_name: defaultdict[str, dict[tuple[str, ...], int]] = defaultdict(dict)
    for (name, labels), value in found.items():
        by_name[name][labels] = value
    for spec in COUNTERS:
        family = CounterMetricFamily(spec.name, spec.help, labels=spec.labels)
        values = {**dict.fromkeys(spec.from_zero, 0), **by_name[spec.name]}
        for labels, value in sorted(values.items()):
            family.add_metric(labels, value / spec.per_unit)
        yield family


def _gauges(now: Gauges) -> Iterator[Metric]:
    yield _gauge("seedbed_runs", "Runs by status.", ("status",), _one(now.runs))
    yield _gauge(
        "seedbed_training_jobs", "Training jobs by status.", ("status",), _one(now.training_jobs)
    )
    yield _gauge(
        "seedbed_datasets", "Versions of data sets by state.", ("state",), _one(now.datasets)
    )
    waiting = now.waiting.items()
    yield _gauge(
        "seedbed_queue_length",
        "Runs, data sets and training jobs that wait for a worker; at most 100 of a kind.",
        ("kind",),
        {(kind,): float(one.length) for kind, one in waiting},
    )
    yield _gauge(
        "seedbed_queue_age_seconds",
        "Seconds that the oldest of them has waited; 0 if none waits.",
        ("kind",),
        {(kind,): one.oldest_s for kind, one in waiting},
    )
    yield _gauge(
        "seedbed_leases_held",
        "Parts of runs, data sets and training jobs that a process works on now, by its lease.",
        ("kind",),
        _one(now.leases),
    )
    labels = ("endpoint", "model")
    yield _gauge(
        "seedbed_endpoint_up",
        "1 if the endpoint answers; 0 if it is down (one call at a time tests it).",
        labels,
        {(one.name, one.model): float(one.is_up) for one in now.endpoints},
    )
    yield _gauge(
        "seedbed_endpoint_throttled",
        "1 if the endpoint refuses all calls because of its rate limit.",
        labels,
        {(one.name, one.model): float(one.is_throttled) for one in now.endpoints},
    )


def _one(values: Mapping[str, int]) -> Values:
    return {(value,): float(number) for value, number in values.items()}


def _gauge(name: str, text: str, labels: Iterable[str], values: Values) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=list(labels))
    for each, value in sorted(values.items()):
        family.add_metric(each, value)
    return family
