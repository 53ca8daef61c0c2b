"""A tuned model as the model of the next run, served through torch."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.llm.dialects.shared import SharedDialect
from app.llm.openai_provider import OpenAIProvider
from app.llm.preflight.preflight import preflight
from app.pipeline.options import RunOptions
from app.pipeline.types import Capabilities
from app.services.generation.start.sample_requests import questions_of
from tests.bench import OpenBench
from tests.conftest import MOSTLY_POSTGRESQL
from tests.review_runs import made, some_rows, start, stored
from tests.unit.serving.tiny import client_of, tuned_folder

pytestmark = [pytest.mark.torch, MOSTLY_POSTGRESQL]


def test_a_run_has_its_rows_answered_by_what_was_tuned(
    open_bench: OpenBench, tmp_path: Path
) -> None:
    with client_of(tuned_folder("lora", tmp_path)) as client:
        url = str(client.base_url).rstrip("/")
        # It can answer, and says of the rest that it cannot.
        dialect = SharedDialect()
        asked = preflight(
            lambda: OpenAIProvider(url, None, "base", 60, dialect),
            questions_of(RunOptions()),
            dialect,
        )
        assert asked.capabilities == Capabilities(json_schema=False, logprobs=False)

        def provider_for(model: str) -> Callable[[], OpenAIProvider]:
            return lambda: OpenAIProvider(url, None, model, 60)

        with open_bench(lambda _: None, provider_for=provider_for) as bench:
            dataset_id = stored(bench.context.database, some_rows(4))
            sampling = {"review": {"max_tokens": 6, "temperature": 0.0}}
            run_id = start(bench, dataset_id, "re_answer", model="tuned", sampling=sampling)
            assert bench.work(run_id).status == "succeeded"
            outputs = [record.output for record, *_ in made(bench, run_id)]
    assert outputs
    assert all(output.startswith("w") for output in outputs)
