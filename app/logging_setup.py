"""Logging to standard error, the same in every process of the service."""

import logging


def log_to_stderr() -> None:
    """Set up logging; call it once, at the start of an entry point."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # It would log a line for each model call, of which a run may make a million.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
