"""The main job with the real embedded model, as `make run` does it, to a small target."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.acceptance.conftest import ROOT


@pytest.mark.slow
def test_the_embedded_model_makes_an_alpaca_data_set(tmp_path: Path) -> None:
    out = tmp_path / "alpaca_data.json"
    named = {"REDIS_URL", "DATABASE_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY", "SEEDBED_MODEL"}
    environment = {name: value for name, value in os.environ.items() if name not in named}
    ended = subprocess.run(
        [sys.executable, "-m", "app.cli.main", "run", "--target", "4", "--out", str(out)],
        cwd=ROOT,
        env={**environment, "SEEDBED_DATA_DIR": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    rows = json.loads(out.read_text(encoding="utf-8"))
    assert rows
    assert all(list(row) == ["instruction", "input", "output"] for row in rows)
    assert all(row["instruction"] and row["output"] for row in rows)
    for word in ("model calls", "candidates read", "accepted instructions", "instances"):
        assert word in ended.stdout
    left = [
        p
        for p in psutil.process_iter(["cmdline"])
        if str(tmp_path) in " ".join(p.info["cmdline"] or ())
    ]
    assert not left
