"""Tuning a model on a data set: LoRA and its siblings. The one room that imports torch."""
