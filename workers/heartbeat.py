"""The heartbeat file of a worker or sweeper: touched while the process can work.

A health check looks at the age of the file, which costs nothing. To ask a worker over the broker
would start a Python process each time, and tell no more.
"""

from pathlib import Path

EVERY_S = 2.0


def touch_heartbeat_file(path: Path | None) -> None:
    """Touch the file, where one is set."""
    if path is not None:
        path.touch()
