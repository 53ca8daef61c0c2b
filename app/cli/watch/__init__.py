"""Watching a run or a job until it ends: polling the service, showing progress."""
