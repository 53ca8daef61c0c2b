"""Base models, tuning methods, memory estimates and devices."""
