"""A model as judge of the answers of a training job."""
