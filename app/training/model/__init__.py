"""Base models, tuning methods, memory and devices."""
