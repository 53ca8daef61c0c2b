"""The counters of the service: what all its processes did, summed in the database.

The names are those of Prometheus, without the suffix ``_total``.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CounterSpec:
    """A counter with its labels."""

    name: str
    help: str
    labels: tuple[str, ...]
    per_unit: int = 1
    """Stored units of one unit that is shown: sums are whole numbers in the database."""
    from_zero: tuple[tuple[str, ...], ...] = ()
    """Label values that are shown before anything was counted, so that a first event is a rise."""


CALLS = CounterSpec(
    "seedbed_calls",
    "Finished model calls by outcome: answered; throttled (rate limit); outage (endpoint down);"
    " failed (this request can't be answered); refused (the key, the account or the model: all"
    " requests fail until somebody acts); lost (outcome unknown).",
    ("model", "endpoint", "outcome"),
)
TOKENS = CounterSpec(
    "seedbed_tokens",
    "Tokens of answered calls. Cached and cache_write are parts of prompt; reasoning is a part of"
    " completion.",
    ("model", "endpoint", "kind"),
)
COST = CounterSpec(
    "seedbed_cost_usd",
    "Cost of answered calls in US dollars; only of models that have a price.",
    ("model", "endpoint"),
    per_unit=10**12,
)
ACCEPTED = CounterSpec(
    "seedbed_accepted",
    "Accepted by stage: instructions (generate), instances (instantiate), reviewed rows (review).",
    ("stage",),
    from_zero=(("generate",), ("instantiate",), ("review",)),
)
REJECTED = CounterSpec(
    "seedbed_rejected",
    "Rejected texts by stage and reason.",
    ("stage", "reason"),
    from_zero=(("generate", "near_duplicate"),),
)
STATUS_CHANGES = CounterSpec(
    "seedbed_status_changes",
    "Status changes of runs and training jobs; the reason says why a run ended or paused.",
    ("kind", "status", "reason"),
    from_zero=(
        ("run", "succeeded", "target_met"),
        ("run", "paused", "provider"),
        ("run", "paused", "defect"),
        ("training_job", "succeeded", ""),
        ("training_job", "failed", ""),
    ),
)
LEASES_RECOVERED = CounterSpec(
    "seedbed_leases_recovered",
    "Expired leases of dead or frozen processes that were freed or taken over.",
    ("kind",),
    from_zero=(("run",), ("data_set",), ("training_job",)),
)
IMPORTS = CounterSpec(
    "seedbed_imports",
    "Finished imports of files as data sets: ready; refused (nothing was stored); failed (after the"
    " file was read, or because a process died).",
    ("result",),
    from_zero=(("ready",), ("refused",), ("failed",)),
)
DATASETS_MADE = CounterSpec(
    "seedbed_datasets_made",
    "Versions of data sets that were made from a recipe: ready, failed.",
    ("result",),
    from_zero=(("ready",), ("failed",)),
)

COUNTERS = (
    CALLS,
    TOKENS,
    COST,
    ACCEPTED,
    REJECTED,
    STATUS_CHANGES,
    LEASES_RECOVERED,
    IMPORTS,
    DATASETS_MADE,
)
UNBOUNDED_LABEL = "model"
"""Users choose its values; of too many, the rest are counted as `OTHER`."""
OTHER = "other"
KIND_OF_TABLE: Mapping[str, str] = {
    "runs": "run",
    "run_slots": "run",
    "datasets": "data_set",
    "training_jobs": "training_job",
}
"""Values of the label ``kind`` by table."""
