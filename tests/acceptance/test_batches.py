"""A run at half price: its calls go by the provider's Batch API, and outlive a stopped service."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.llm.scripted.batch import BatchPlan
from app.llm.scripted.batches import BatchScript
from app.llm.scripted.model import reply
from app.llm.scripted.server import scripted_server
from app.settings import Settings
from app.stack.embedded import EmbeddedStack
from tests.acceptance.conftest import await_end, client_of, start

SettingsFor = Callable[[Path], Settings]


@pytest.mark.slow
def test_a_run_by_batch_outlives_the_service_and_makes_the_same_data_for_less(
    settings_for: SettingsFor, tmp_path: Path
) -> None:
    slow = BatchScript(lambda _: BatchPlan(takes_s=1.0))
    with scripted_server(reply, slow) as endpoint:
        given = settings_for(tmp_path).model_dump()
        price = {"input_usd": "0.5", "output_usd": "2"}
        settings = Settings.model_validate(
            given
            | {"openai_base_url": endpoint.base_url, "batch_poll_s": 0.5}
            | {"prices": {"scripted": price}}
        )
        options = {"target": 12, "random_seed": 4, "lookahead": 8}
        with EmbeddedStack(settings) as stack, client_of(stack) as client:
            ordinary = start(client, **options)
            full = await_end(client, ordinary)
            run_id = start(client, **options, batch="all_stages")
            while not endpoint.counts.batches:
                assert client.get(f"/runs/{run_id}").json()["status"] in {"queued", "running"}
        with EmbeddedStack(settings) as stack, client_of(stack) as client:
            run = await_end(client, run_id)
            expected, made = (client.get(f"/runs/{r}/dataset").content for r in (ordinary, run_id))
            batches = client.get(f"/runs/{run_id}/batches").json()["items"]
            replies = client.get(f"/runs/{run_id}/completions").json()["items"]
        paid_lines = endpoint.counts.batch_lines
    assert run["status"] == "succeeded"
    assert made == expected
    assert float(run["cost_usd"]) < 0.6 * float(full["cost_usd"])
    assert {batch["state"] for batch in batches} == {"collected"}
    assert sum(batch["requests"] for batch in batches) == paid_lines
    assert sum(one["batch_id"] is not None for one in replies) == paid_lines
