"""Tuning and running models (LoRA and related methods). The only package that imports torch."""
