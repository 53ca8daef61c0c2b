"""The tables: everything the service remembers. One file for each group of rows.

Importing this package makes every table known to the metadata.
"""

from app.store.tables import (
    api_keys,
    batches,
    datasets,
    endpoints,
    results,
    runs,
    training,
    work,
)

__all__ = ["api_keys", "batches", "datasets", "endpoints", "results", "runs", "training", "work"]
