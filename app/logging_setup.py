"""How every process of the service logs: one line an event, to standard error."""

import logging


def log_to_stderr() -> None:
    """Set logging up; call it once, first thing in an entry point."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # Its client writes a line for each of what may be a million model calls.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
