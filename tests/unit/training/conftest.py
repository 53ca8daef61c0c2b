"""The tests of this folder need the extra `training`: `make .venv/training.installed`."""

import importlib.util
import os

# Before torch is loaded, and for the processes started from here: threads that wait for each other
# on a busy machine take ten times as long as one alone.
os.environ.setdefault("OMP_NUM_THREADS", "1")

collect_ignore_glob = ["test_*.py"] if importlib.util.find_spec("peft") is None else []
