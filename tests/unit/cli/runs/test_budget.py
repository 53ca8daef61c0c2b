"""`seedbed extend` and `seedbed estimate`."""

import json

from typer.testing import CliRunner, Result

from app.cli.exits import ExitCode
from app.cli.main import app
from app.cli.runs.budget import budget
from tests.unit.cli.answers import estimate_json, run_json
from tests.unit.cli.command_line import Seedbed
from tests.unit.cli.stand_in import StandIn

EXTEND = "POST /v1/runs/r1/extend"


def extend(service: StandIn, *arguments: str) -> Result:
    environment = {"COLUMNS": "200", "SEEDBED_API_URL": service.url}
    return CliRunner().invoke(app, ["extend", "r1", *arguments], env=environment)


def test_only_limits_that_were_given_are_sent() -> None:
    assert budget(None, None, None) == {}
    assert budget("1.5", 7, 3) == {"max_cost_usd": "1.5", "max_tokens": 7, "max_calls": 3}


def test_a_run_gets_a_new_target_and_budget(service: StandIn) -> None:
    service.will(EXTEND, run_json())
    result = extend(service, "--target", "20", "--max-cost", "9", "--json")
    assert json.loads(result.stdout)["id"] == "r1"
    assert service.asked[0].json == {"target": 20, "budget": {"max_cost_usd": "9"}}
    assert "3/10" in extend(service, "--max-calls", "5").stdout
    assert service.asked[1].json == {"budget": {"max_calls": 5}}


def test_an_extension_can_be_estimated(service: StandIn) -> None:
    service.will(EXTEND, estimate_json())
    result = extend(service, "--target", "20", "--estimate")
    assert service.asked[0].json == {"target": 20, "budget": {}, "dry_run": True}
    assert "expected cost: $0.5" in result.stdout


def test_an_estimate_shows_calls_and_tokens_by_stage(seedbed: Seedbed) -> None:
    seedbed.service.will("POST /v1/runs", estimate_json(cost_usd=None))
    ended = seedbed("estimate", str(seedbed.seeds), "--target", "50", "--profile", "paper")
    assert ended.code == ExitCode.OK
    lines = [line.split() for line in ended.stdout.splitlines()]
    assert ["review", "10", "800", "70"] in lines
    assert ["total", "1,200", "90,000", "8,000"] in lines
    assert "expected cost: unknown; set the price of the model in SEEDBED_PRICES" in ended.stdout
    assert "based on typical token counts; no earlier run of this model" in ended.stdout
    (asked,) = seedbed.service.asked_for("POST /v1/runs")
    assert asked.json["options"] == {"target": 50, "profile": "paper"}
    assert asked.json["dry_run"] is True


def test_an_estimate_says_when_it_knows_the_model(seedbed: Seedbed) -> None:
    seedbed.service.will("POST /v1/runs", estimate_json(from_experience=True))
    ended = seedbed("estimate", str(seedbed.seeds))
    assert "based on earlier runs of this model" in ended.stdout


def test_every_option_can_be_set_by_its_path(seedbed: Seedbed) -> None:
    seedbed.service.will("POST /v1/runs", estimate_json())
    seedbed("estimate", str(seedbed.seeds), "--set", "sampling.generate.temperature=0.5")
    (asked,) = seedbed.service.asked_for("POST /v1/runs")
    assert asked.json["options"] == {"sampling": {"generate": {"temperature": 0.5}}}
    wrong = seedbed("estimate", str(seedbed.seeds), "--set", "sampling.temperature=1", "--json")
    assert wrong.code == ExitCode.BAD_USAGE
    (fault,) = wrong.json["error"]["faults"]
    assert fault["field"] == "sampling.temperature"
    assert "unknown option; did you mean sampling." in fault["message"]
