"""The command line with a stand-in for the service."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from app.cli.main import app
from app.pipeline.options import RunOptions
from tests.unit.cli.answers import MET, run_json, seed_set_json
from tests.unit.cli.stand_in import StandIn

ROWS = [{"instruction": f"Say {n}.", "input": "", "output": f"\u00fc{n} \x1b[2J"} for n in range(4)]
SEED = {
    "id": "seed_1",
    "name": "greet",
    "instruction": "Greet someone.",
    "instances": [{"input": "", "output": "Hello."}],
    "is_classification": False,
}
KEY = f"sb_{'0' * 22}_{'a1' * 32}"


class Seedbed:
    """The command line, in a folder of its own, with a stand-in for the service."""

    def __init__(self, service: StandIn, folder: Path) -> None:
        self.service = service
        self.folder = folder
        self.out = folder / "out.json"
        self.seeds = folder / "seeds.jsonl"
        self.seeds.write_text(json.dumps(SEED) + "\n")
        service.will("POST /v1/seed-sets", seed_set_json(), status=201)
        service.will("GET /v1/runs", {"items": [], "next_cursor": None})
        service.will("POST /v1/runs", run_json(status="queued"), status=202)
        service.will("GET /v1/runs/r1", run_json(), run_json(**MET))
        service.will("GET /v1/runs/r1/dataset", ROWS)

    def __call__(self, *arguments: str, api: bool = True) -> "Ended":
        environment = {"SEEDBED_API_URL": self.service.url if api else None, "COLUMNS": "200"}
        result = CliRunner().invoke(app, list(arguments), env=environment)
        return Ended(result.exit_code, result.stdout, result.stderr)

    def run(self, *arguments: str) -> "Ended":
        return self("run", str(self.seeds), "--out", str(self.out), *arguments)

    def stored_run(self, **options: object) -> dict[str, object]:
        whole = RunOptions.model_validate(options).model_dump(mode="json")
        return run_json(options=whole, model=options.get("model", "the service's"))

    def has_runs(self, **by_status: object) -> None:
        pages = [
            {"items": [by_status[status]] if status in by_status else [], "next_cursor": None}
            for status in ("running", "queued", "paused")
        ]
        self.service.will("GET /v1/runs", *pages)


class Ended:
    def __init__(self, code: int, stdout: str, stderr: str) -> None:
        self.code = code
        self.stdout = stdout
        self.stderr = stderr

    @property
    def json(self) -> Any:  # Any: whatever was printed
        return json.loads(self.stdout)
