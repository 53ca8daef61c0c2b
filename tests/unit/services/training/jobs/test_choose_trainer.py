"""Who does a training job, and what is seen to before."""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

# Each loads torch anew, in a process of its own.
pytestmark = pytest.mark.slow

OURS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
TRAINS = """
import sys
from app.services.training.jobs.choose_trainer import trainer_for
from app.services.training.contract import RowSource, TrainingWork
from pathlib import Path
here = Path()
work = TrainingWork("training_1", "training", {}, RowSource("rows", list), {}, here, here)
assert "torch" not in sys.modules
trainer_for(None, work)
assert "torch" in sys.modules
"""


@pytest.mark.skipif(find_spec("peft") is None, reason="needs the extra 'training'")
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere torch has another OpenMP")
@pytest.mark.parametrize(
    ("chosen", "held"),
    [
        ({}, "GOMP_SPINCOUNT = '1000'"),
        ({"OMP_WAIT_POLICY": "active"}, "WAIT_POLICY = 'ACTIVE'"),
    ],
)
def test_the_threads_of_a_worker_that_trains_spin_shortly_while_they_wait(
    chosen: dict[str, str], held: str
) -> None:
    plain = {name: value for name, value in os.environ.items() if name not in OURS}

    # OpenMP itself says what it goes by.
    reported = subprocess.run(
        [sys.executable, "-c", TRAINS],
        env={**plain, **chosen, "OMP_DISPLAY_ENV": "VERBOSE"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert held in reported.stderr
