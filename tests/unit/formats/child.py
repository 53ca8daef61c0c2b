"""A process that answers questions one by one: what takes seconds to import is imported once."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_LOOP = """
import json, sys
# What libraries print must not stand among the answers.
answers, sys.stdout = sys.stdout, sys.stderr
for line in sys.stdin:
    print(json.dumps(answer(*json.loads(line))), file=answers, flush=True)
"""


class Child:
    """Runs a program that defines ``answer(*arguments)``."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, *arguments: object) -> Any:
        """What it answers; an error in it ends it, and is shown."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(arguments) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the child has died; what it said stands above"
        return json.loads(answer)


@contextmanager
def child(program: str, environment: Mapping[str, str]) -> Iterator[Child]:
    """Start it, and end it after the block."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program + _LOOP],
        env=os.environ | environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with process:
        try:
            yield Child(process)
        finally:
            process.kill()
