"""Seedbed: seed tasks in, an instruction-tuning data set out."""
