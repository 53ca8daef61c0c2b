"""Tuning a model on a data set: LoRA and its relatives. The only package that imports torch."""
