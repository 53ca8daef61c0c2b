"""Use cases that span runs, data sets and training: from seeds to a tuned model."""
