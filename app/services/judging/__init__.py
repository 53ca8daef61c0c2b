"""A model as judge of a training job's answers."""
