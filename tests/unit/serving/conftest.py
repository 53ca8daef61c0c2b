"""What is served through torch needs the extra `training`: `make .venv/training.installed`."""

import importlib.util
import os

# Before torch is loaded: threads that wait for each other on a busy machine take ten times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

collect_ignore = ["test_torch_answerer.py"] if importlib.util.find_spec("peft") is None else []
