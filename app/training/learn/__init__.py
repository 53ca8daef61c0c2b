"""The training loop: examples, batches, loss and checkpoints."""
