"""Metrics for Prometheus: of this process's requests, and of all processes from the database."""
