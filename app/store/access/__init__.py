"""Queries on API keys."""
