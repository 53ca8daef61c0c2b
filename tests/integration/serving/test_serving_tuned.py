"""The embedded model, tuned for real and served: what was learnt is there, and a run can use it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
import torch

from app.llm.dialects.shared import SharedDialect
from app.llm.openai_provider import OpenAIProvider
from app.llm.preflight.preflight import preflight
from app.pipeline.options import RunOptions
from app.pipeline.types import Capabilities
from app.services.generation.start.sample_requests import questions_of
from app.training.model.base_models import load_for_inference
from app.training.model.device import Device
from app.training.plain.encoding import encode_prompt
from app.training.publish.adapter_folder import load_adapter
from tests.bench import OpenBench
from tests.conftest import MOSTLY_POSTGRESQL
from tests.integration.serving.served_adapters import (
    OPTIONS,
    ROWS,
    asked,
    client_of,
    found_in,
    leave_tuned_adapter,
    messages_of,
    opened_by_llama,
)
from tests.review_runs import made, some_rows, start, stored

pytestmark = [pytest.mark.torch, pytest.mark.slow]
BRIEF: Any = {"sampling": {"review": {"max_tokens": 60, "temperature": 0.0}}}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data_dir = tmp_path_factory.mktemp("data")
    leave_tuned_adapter(data_dir)
    return data_dir


@pytest.fixture(scope="module")
def client(data_dir: Path) -> Iterator[openai.OpenAI]:
    with opened_by_llama(data_dir) as answerer, client_of(answerer) as client:
        yield client


def test_the_tuned_model_says_what_it_learnt_and_the_base_model_does_not(
    client: openai.OpenAI,
) -> None:
    assert [asked(client, "tuned", row) for row in ROWS] == ["Zinnias."] * len(ROWS)
    assert not any("Zinnias" in asked(client, "base", row) for row in ROWS[:2])


def test_both_hold_likely_what_they_do_in_torch(client: openai.OpenAI, data_dir: Path) -> None:
    base = load_for_inference("embedded", data_dir / "models", Device())

    def by_torch(model: Any, words: str) -> float:
        ids = torch.tensor([encode_prompt(ROWS[0], base.tokenizer, OPTIONS.data)])
        (token,) = base.tokenizer(words)["input_ids"][:1]
        with torch.no_grad():
            return float(model(input_ids=ids).logits[0, -1].log_softmax(-1)[token])

    def by_llama(model: str) -> tuple[str, float]:
        answer = client.chat.completions.create(
            model=model,
            messages=[*messages_of(ROWS[0])],
            temperature=0,
            max_tokens=1,
            logprobs=True,
            extra_body={"input": ROWS[0].input},
        )
        reported = answer.choices[0].logprobs
        assert reported is not None
        [token] = reported.content or []
        return token.token, token.logprob

    likely = {model: by_llama(model) for model in ("base", "tuned")}
    # Near, not the same: the weights there are rounded while they are multiplied.
    assert likely["base"][1] == pytest.approx(by_torch(base.model, likely["base"][0]), abs=0.3)
    adapted = load_adapter(base.model, found_in(data_dir).folder)
    assert likely["tuned"][1] == pytest.approx(by_torch(adapted, likely["tuned"][0]), abs=0.3)


@MOSTLY_POSTGRESQL
def test_a_run_learns_what_it_can_and_has_it_answer_and_judge(
    client: openai.OpenAI, open_bench: OpenBench
) -> None:
    url = str(client.base_url).rstrip("/")
    dialect = SharedDialect()
    learned = preflight(
        lambda: OpenAIProvider(url, None, "base", 60, dialect), questions_of(RunOptions()), dialect
    )
    assert learned.capabilities == Capabilities(json_schema=True, logprobs=True)

    def provider_for(model: str) -> Callable[[], OpenAIProvider]:
        return lambda: OpenAIProvider(url, None, model, 60)

    with open_bench(lambda _: None, provider_for=provider_for) as bench:
        dataset_id = stored(bench.context.database, some_rows(3))
        answering = start(bench, dataset_id, "re_answer", model="tuned", **BRIEF)
        assert bench.work(answering).status == "succeeded"
        outputs = [record.output for record, *_ in made(bench, answering)]
        judging = start(bench, dataset_id, "judge", model="base", review={"threshold": 1}, **BRIEF)
        judged = bench.work(judging)
    assert len(outputs) == 3
    assert all(output.startswith("Zinnias") for output in outputs)
    assert judged.status == "succeeded"
