"""Queries on training jobs."""
