"""The report of a training job or an evaluation."""
