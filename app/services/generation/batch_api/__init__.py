"""A run's batches at the provider: planned, polled, their results recorded."""
