"""Celery tasks and the sweeper: thin entries into the services."""
