"""Tuning itself: batches, loss, the training loop, checkpoints."""
