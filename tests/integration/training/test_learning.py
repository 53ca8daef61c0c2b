"""Learning: the service teaches a real small model, and its report says so."""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.api.context import ApiContext
from app.evaluation.evaluation_result import Evaluation
from app.llm.scripted.model import reply
from app.services.context import ServiceContext
from app.services.datasets import make
from app.services.training.jobs import control, work
from tests.bench import OpenBench, after_looks
from tests.integration.training.template_tasks import template_rows
from tests.servers.api import running_api

if find_spec("peft") is None:
    pytest.skip("needs the extra 'training'", allow_module_level=True)

import torch

from app.training.model.base_models import load_for_inference
from app.training.model.device import Device
from app.training.plain.options import EMBEDDED
from app.training.publish.adapter_folder import load_adapter
from tests.integration.training.tiny_jobs import lines_of

# Which database it is in makes no difference to what is learnt, and minutes to the clock.
pytestmark = [
    pytest.mark.torch,
    pytest.mark.slow,
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]
LEARNT, HELD_OUT = 64, 112


class Service:
    """The API, and a worker that works on each task at once."""

    def __init__(self, context: ServiceContext, http: httpx.Client) -> None:
        self._context = context
        self._http = http

    def post(self, address: str, **request: Any) -> Any:
        answer = self._http.post(address, **request)
        assert answer.is_success, answer.text
        return answer.json()

    def get(self, address: str) -> httpx.Response:
        return self._http.get(address).raise_for_status()

    def import_rows(self, rows: list[dict[str, str]]) -> str:
        query = {"name": "tasks", "format": "alpaca"}
        content = json.dumps(rows)
        imported = self.post("datasets/import", params=query, content=content)
        return self._made(imported)

    def train(self, dataset_id: str, options: dict[str, Any], looks: int | None = None) -> Any:
        """Work on a job; with `looks`, by a worker that ends after this many, then by the next."""
        return self._done("training-jobs", dataset_id, options, looks)

    def evaluate(self, dataset_id: str, options: dict[str, Any]) -> Any:
        return self._done("evaluations", dataset_id, options, None)

    def _done(
        self, address: str, dataset_id: str, options: dict[str, Any], looks: int | None
    ) -> Any:
        job_id = self.post(address, json={"dataset_id": dataset_id, "options": options})["id"]
        if looks is not None:
            assert work.work_on_job(self._context, job_id, after_looks(looks))
        work.work_on_job(self._context, job_id, lambda: False)
        job = self.get(f"training-jobs/{job_id}").json()
        assert (job["status"], job["message"]) == ("succeeded", None)
        return job

    def outputs_of(self, job: Any) -> Path:
        return control.folder_of(self._context, job["id"]) / "outputs"

    @property
    def models(self) -> Path:
        return control.models_folder(self._context)

    def _made(self, dataset: Any) -> str:
        assert not make.make_dataset(self._context, dataset["id"], lambda: False)
        return str(dataset["id"])


@pytest.fixture
def service(open_bench: OpenBench, tmp_path: Path) -> Iterator[Service]:
    with open_bench(reply, files_dir=tmp_path / "data" / "files") as bench:
        context = ApiContext(
            bench.context,
            send=lambda _: None,
            broker_trouble=lambda: None,
            send_dataset=lambda _: None,
            send_training_job=lambda _: None,
        )
        with running_api(context) as api:
            yield Service(bench.context, api.http)


def test_twenty_steps_of_lora_teach_a_small_model_four_tasks_and_the_report_says_so(
    service: Service,
) -> None:
    rows = [
        {"instruction": row.instruction, "input": "", "output": row.output}
        for row in template_rows(LEARNT + HELD_OUT, seed=2)
    ]
    # Rows of a template are near each other, so no split would part them within a task.
    learnt, held_out = (service.import_rows(some) for some in (rows[:LEARNT], rows[LEARNT:]))

    tuned_by = service.train(
        learnt,
        {
            "method": {"targets": "all linear"},
            "data": {"template": "chat"},
            "schedule": {"steps": 20, "batch": 16, "micro_batch": 16, "learning_rate": 3e-3},
            "evaluation": {"held_out_share": 0.0},
        },
    )
    job = service.evaluate(
        held_out,
        {
            "training_job_id": tuned_by["id"],
            "evaluation": {"tasks": HELD_OUT, "answer_tokens": 16},
        },
    )

    assert tuned_by["step"] == 20
    evaluation = Evaluation.model_validate(job["evaluation"])
    base, tuned = evaluation.models
    assert base.exact is not None
    assert tuned.exact is not None
    assert base.perplexity is not None
    assert tuned.perplexity is not None
    losses = (base.perplexity.loss.value, tuned.perplexity.loss.value)
    print(*evaluation.words, job["log_tail"], sep="\n")
    print("exact", base.exact, tuned.exact, "losses", losses)
    assert evaluation.tasks == HELD_OUT
    assert base.exact.right < 12
    assert tuned.exact.right > 84
    assert tuned.exact.share.low is not None
    assert tuned.exact.share.low > 0.75
    assert losses[0] > 1.1
    assert losses[1] < 0.15
    assert evaluation.words[0].endswith("the gain is more than chance explains.")
    assert "of 112 held-out tasks" in evaluation.words[0]
    page = service.get(f"training-jobs/{job['id']}/report").text
    assert evaluation.words[0] in page


def seed_rows(count: int) -> list[dict[str, str]]:
    """The shortest of our own seed tasks, as Alpaca has its rows."""
    seeds = Path(__file__).resolve().parents[3] / "seed_tasks" / "seed_tasks.jsonl"
    rows = []
    for line in seeds.read_text(encoding="utf-8").splitlines():
        seed = json.loads(line)
        rows.append({"instruction": seed["instruction"], **seed["instances"][0]})
    return sorted(rows, key=lambda row: sum(map(len, row.values())))[:count]


def test_rows_like_alpacas_tune_it_and_what_is_kept_answers_as_what_was_tuned(
    service: Service,
) -> None:
    dataset_id = service.import_rows(seed_rows(24))
    options = {
        "method": {"targets": "all linear"},
        # All rows in every step, so that its losses can be held against each other.
        "schedule": {"steps": 4, "batch": 20, "micro_batch": 10, "learning_rate": 1e-3},
        "evaluation": {"held_out_share": 1 / 6, "answer_tokens": 12},
        "outputs": {"merged": True},
    }

    job = service.train(dataset_id, options)
    stopped = service.train(dataset_id, options, looks=5)

    evaluation = Evaluation.model_validate(job["evaluation"])
    print(*evaluation.words, job["log_tail"], sep="\n")
    assert evaluation.training is not None
    losses = [point.loss for point in evaluation.training.points if point.loss is not None]
    print(losses)
    assert len(losses) == 4
    assert losses[-1] < losses[0]
    outputs = service.outputs_of(job)
    changed = [line["answers"] for line in lines_of(outputs / "answers.jsonl")]
    assert any(answers[EMBEDDED] != answers[job["id"]] for answers in changed)
    assert stopped["loss"] == job["loss"]

    loaded, again = (load_for_inference(EMBEDDED, service.models, Device()) for _ in range(2))
    asked = loaded.tokenizer("Name a colour of the rainbow.", return_tensors="pt")
    before = logits(loaded.model, asked)
    tuned = logits(load_adapter(loaded.model, outputs / "adapter"), asked)
    assert not torch.allclose(before, tuned, atol=0.1)
    assert torch.equal(tuned, logits(load_adapter(again.model, outputs / "adapter"), asked))
    merged = load_for_inference(str(outputs / "merged"), service.models, Device())
    assert float((logits(merged.model, asked) - tuned).abs().max()) < 1e-3


def logits(model: Any, asked: Any) -> Any:
    with torch.no_grad():
        return model(**asked).logits
