"""A sign of life for whoever looks after a process: a file that is touched while it can work.

A look at the file's age costs nothing. To ask a worker over the broker would start a Python each
time, and say no more.
"""

from pathlib import Path

EVERY_S = 2.0


def beat(pulse_file: Path | None) -> None:
    """Give a sign of life, where one is wanted."""
    if pulse_file is not None:
        pulse_file.touch()
