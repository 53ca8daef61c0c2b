"""Endpoints that refuse what a run sends: it is dropped or replaced, and the run goes on."""

from collections.abc import Mapping

import pytest

from app.llm.scripted.behaviours.combine import Behaviour, playing
from app.llm.scripted.behaviours.refusals import (
    error,
    has_system,
    refuses,
    refuses_schema_keyword,
    refuses_system_role,
)
from tests.bench import OpenBench
from tests.integration.endpoints.runs import SMALL, given_up, work

NO_LOGPROBS = error("You are not allowed to request logprobs from this model")
NO_MAX_ITEMS = error(
    "Invalid schema for response_format 'answer': "
    "In context=('properties', 'instructions'), 'maxItems' is not permitted.",
    param="response_format",
)
ONLY_ONE = error(
    "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) "
    "value is supported.",
    param="temperature",
    code="unsupported_value",
)
REFUSALS: Mapping[str, tuple[Behaviour, ...]] = {
    "gpt5_default_profile": (
        refuses("max_tokens"),
        refuses("top_p"),
        refuses("temperature", body=ONLY_ONE, unless=lambda value: value == 1),
    ),
    "logprobs_403": (refuses("logprobs", status=403, body=NO_LOGPROBS),),
    "system_role_not_supported": (refuses_system_role(),),
    "maxItems_refused": (refuses_schema_keyword("maxItems", body=NO_MAX_ITEMS),),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refused_parameter_is_learnt_and_the_run_succeeds(
    open_bench: OpenBench, case: str
) -> None:
    with open_bench(playing(*REFUSALS[case])) as bench:
        seen = work(bench, bench.start(**SMALL))
        assert (seen.status, seen.end_reason) == ("succeeded", "target_met"), seen.message
        assert given_up(seen) == 0
        assert seen.funnel.unknown == 0
        fine = [call for call in bench.server.calls if playing(*REFUSALS[case])(call).status == 200]
        # It is remembered: only the first calls find out.
        assert len(bench.server.calls) - len(fine) <= 12
        if case == "system_role_not_supported":
            assert not any(has_system(call) for call in fine)
