"""The tables: everything the service stores, one file for each group of tables.

Importing this package makes every table known to the metadata.
"""

from app.store.tables import (
    api_keys,
    batches,
    completions,
    counters,
    datasets,
    endpoints,
    instructions,
    runs,
    training,
    usage,
    work,
)

__all__ = [
    "api_keys",
    "batches",
    "completions",
    "counters",
    "datasets",
    "endpoints",
    "instructions",
    "runs",
    "training",
    "usage",
    "work",
]
