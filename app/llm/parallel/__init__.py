"""Many model calls at a time: lanes per endpoint, concurrency, collected outcomes."""
