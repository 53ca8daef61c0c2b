"""`seedbed doctor`: each finding about an endpoint as JSON and as a line for a person."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from rich.console import Group

from app.cli.doctor import check_json, check_table, conclusion, exit_code, summary
from app.cli.exits import ExitCode
from app.llm.dialects.dialect import Lesson
from app.llm.model_list import ListedModel
from app.pipeline.types import Capabilities, Stage
from app.services.runs.check_endpoint import EndpointCheck, StageCall
from tests.golden import check_golden, check_golden_json
from tests.unit.cli.drawing import drawn

GOLDEN = Path(__file__).parent / "golden"

CALL = StageCall(
    stage=Stage.GENERATE,
    prompt_tokens=1200,
    completion_tokens=300,
    cached_tokens=1000,
    is_estimated=False,
    cost_usd=Decimal("0.0042"),
    latency_s=1.5,
)
GOOD = EndpointCheck(
    endpoint="default",
    base_url="http://127.0.0.1:8000/v1",
    model="m",
    key_is_set=True,
    price_is_set=True,
    listed=(ListedModel("n"), ListedModel("m", 8192)),
    capabilities=Capabilities(json_schema=True, logprobs=True),
    stages=[CALL, replace(CALL, stage=Stage.CLASSIFY, completion_tokens=100, latency_s=0.5)],
    calls=5,
    latencies_s=[0.25, 0.5, 4.0],
)
LESSONS = (
    Lesson("top_p", "dropped"),
    Lesson("max_tokens", "renamed", "max_completion_tokens"),
    Lesson("system", "folded"),
    Lesson("response_format", "replaced", "json_object"),
    Lesson("temperature", "at_most", 1.0),
    Lesson("n", "at_least", 1),
    Lesson("max_tokens", "raised", 4096, "generate"),
)
POOR = EndpointCheck(
    endpoint="second",
    base_url="http://127.0.0.1:8001/v1",
    model="m",
    key_is_set=False,
    listed=(ListedModel("n"),),
    capabilities=Capabilities(json_schema=True),
    lessons=LESSONS,
    stages=[replace(CALL, is_estimated=True, cached_tokens=0, cost_usd=None)],
    loading_s=12.0,
    skipped="The check ended after 10 calls.",
    calls=10,
    latencies_s=[1.5],
)
GONE = EndpointCheck(
    endpoint="third",
    base_url="http://127.0.0.1:8002/v1",
    model=None,
    key_is_set=False,
    trouble="There was no answer.",
)
TEXT_ONLY = replace(GOOD, capabilities=Capabilities(), listed=None)
CHECKS = (GOOD, POOR, GONE, TEXT_ONLY)


def test_the_findings_as_json_are_as_recorded() -> None:
    check_golden_json(GOLDEN / "doctor.json", [check_json(each) for each in CHECKS])


def test_the_findings_for_a_person_are_as_recorded() -> None:
    tables = Group(*[check_table(each) for each in CHECKS])
    lines = [line.rstrip() for line in drawn(tables).splitlines()]
    check_golden(GOLDEN / "doctor.txt", "\n".join(lines) + "\n")


def test_the_exit_code_says_whether_all_endpoints_some_or_none_can_be_used() -> None:
    cases = (
        (1, 1, ExitCode.OK, "all 1"),
        (2, 2, ExitCode.OK, "A run can start: all 2 endpoints can be used."),
        (1, 2, ExitCode.PARTLY, "A run can start: 1 of 2 endpoints can be used."),
        (0, 2, ExitCode.SERVICE_FAILED, "No run can start: none of 2 endpoints can be used."),
        (0, 1, ExitCode.SERVICE_FAILED, "No run can start"),
    )
    for usable, checked, code, words in cases:
        assert exit_code(usable, checked) == code
        assert words in summary(usable, checked)


def test_each_endpoint_says_what_its_check_means_for_a_run() -> None:
    assert list(conclusion(GOOD, 1)) == ["A run can start."]
    assert list(conclusion(GONE, 1)) == ["Runs leave this endpoint out. There was no answer."]
    assert list(conclusion(GONE, 0)) == ["No run can start. There was no answer."]
