"""Filters of answers that do not fit their question: refusals, echoes, wrong or invented facts."""
