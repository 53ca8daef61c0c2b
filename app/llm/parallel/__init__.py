"""Concurrent model calls: lanes per endpoint, concurrency limits and collected outcomes."""
