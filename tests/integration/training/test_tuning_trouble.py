"""Jobs that can't be tuned: they end with one clear reason, and keep earlier results."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from app.llm.scripted.model import reply
from app.services.context import ServiceContext
from app.services.training.contract import TrainerResult, TrainingMonitor, TrainingWork
from app.store.tables.datasets import Dataset

if find_spec("peft") is None:
    pytest.skip("needs the extra 'training'", allow_module_level=True)

from transformers import LlamaConfig

from app.evaluation.evaluation_result import ProgressPoint
from app.services.training.trainers.local import run_job
from app.training.plain.options import EvaluationJobOptions
from tests.bench import OpenBench
from tests.integration.training.tiny_jobs import (
    dataset_of,
    done,
    options_of,
    outputs_of,
    posted,
    spelling,
    tiny_folder,
    worked_on,
)
from tests.unit.training.tiny_models import tiny_tokenizer

# What a limit on the size of files stops is ours alone there: the database is another process's.
pytestmark = [
    pytest.mark.torch,
    pytest.mark.parametrize("database_url", ["postgresql"], indirect=True),
]


@pytest.fixture
def context(open_bench: OpenBench, tmp_path: Path) -> Any:
    with open_bench(reply, files_dir=tmp_path / "data" / "files") as bench:
        yield bench.context


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    return tiny_folder(tmp_path / "tiny")


@pytest.fixture
def dataset(context: ServiceContext) -> Dataset:
    return dataset_of(context, spelling(16))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"method": {"targets": ["q_proj", "w_proj"]}},
            """Unknown target modules; the model has: down_proj, gate_proj, k_proj, lm_head, o_proj,
            q_proj, up_proj, v_proj. method.targets: the model has no 'w_proj'""",
        ),
        (
            {"data": {"max_tokens": 8}},
            """The data set has no row to train on. data.max_tokens: none of 12 rows has a
            token of its answer within the first 8 tokens""",
        ),
        (
            {"method": {"name": "adalora"}, "schedule": {"steps": 1}},
            """AdaLoRA needs more steps. schedule.steps: 1 are too few to reduce ranks; the
            minimum is 3""",
        ),
    ],
    ids=["targets", "rows", "steps"],
)
def test_options_that_do_not_fit_the_model_or_the_rows_are_named(
    context: ServiceContext, dataset: Dataset, tiny: str, changes: dict[str, Any], reason: str
) -> None:
    job = worked_on(context, posted(context, dataset, options_of(tiny, **changes)))

    assert (job.status, job.message) == ("failed", " ".join(reason.split()))


def test_a_base_model_that_is_not_there_is_reported_with_what_may_be_given(
    context: ServiceContext, dataset: Dataset
) -> None:
    jobs = (options_of("/no/such/model"), EvaluationJobOptions(base_model="/no/such/model"))
    for options in jobs:
        job = worked_on(context, posted(context, dataset, options))

        assert job.status == "failed"
        assert (job.message or "").startswith(
            "The base model '/no/such/model' cannot be loaded. base_model: there is no such folder "
            "on this machine; "
        )
        assert "use 'embedded', a folder with config.json" in (job.message or "")


def test_a_model_that_does_not_fit_is_refused_with_numbers_before_it_is_loaded(
    context: ServiceContext, dataset: Dataset, tmp_path: Path
) -> None:
    huge = tmp_path / "huge"
    # Its description alone: there are no weights to load.
    LlamaConfig(
        hidden_size=2**17, intermediate_size=2**19, num_hidden_layers=2, vocab_size=2**17
    ).save_pretrained(huge)
    tiny_tokenizer().save_pretrained(huge)

    job = worked_on(context, posted(context, dataset, options_of(str(huge))))

    assert job.status == "failed"
    assert (job.message or "").startswith(f"{huge} needs about ")
    assert "million parameters" in (job.message or "")
    assert "GiB are free. Use a smaller model" in (job.message or "")


def test_a_learning_rate_that_is_absurd_ends_it_and_the_last_good_checkpoint_is_kept(
    context: ServiceContext, dataset: Dataset, tiny: str
) -> None:
    options = options_of(
        tiny,
        method={"alpha": 10_000, "rank": 1, "dropout": 0},
        schedule={"steps": 200, "learning_rate": 10, "shape": "constant", "checkpoint_every": 1},
    )

    job = worked_on(context, posted(context, dataset, options))

    assert job.status == "failed"
    assert "Try a lower learning rate." in (job.message or "")
    assert job.step > 0
    assert f"the checkpoint of step {job.step} is kept" in (job.message or "")
    kept = sorted((outputs_of(context, job).parent / "checkpoints").iterdir())
    assert kept[-1].name == f"checkpoint-{job.step:08d}.pt"


class FullDisk:
    """Tunes for real, on a disk that is full from a step on: no larger file can be written."""

    def __init__(self, step: int, most_bytes: int) -> None:
        self._step = step
        self._most_bytes = most_bytes

    def __call__(self, work: TrainingWork, monitor: TrainingMonitor) -> TrainerResult:
        with files_as_large_as_wanted_again():
            return run_job(work, _Limiting(monitor, self._step, self._most_bytes))


class _Limiting:
    def __init__(self, monitor: TrainingMonitor, step: int, most_bytes: int) -> None:
        self.log, self.stop = monitor.log, monitor.stop
        self._watch, self._step, self._most_bytes = monitor, step, most_bytes

    def step(self, point: ProgressPoint, steps: int | None) -> None:
        self._watch.step(point, steps)
        if point.step == self._step:
            _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (self._most_bytes, most))


@contextmanager
def files_as_large_as_wanted_again() -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)


@pytest.mark.parametrize(
    ("step", "most_bytes", "what"),
    [(6, 5_000, "checkpoint-00000010.pt"), (12, 20_000, "adapter")],
)
def test_a_disk_that_is_full_is_reported_and_the_job_goes_on_when_there_is_room(
    context: ServiceContext, dataset: Dataset, tiny: str, step: int, most_bytes: int, what: str
) -> None:
    options = options_of(tiny)
    job = posted(context, dataset, options)

    job = worked_on(context, job, trainer=FullDisk(step, most_bytes))

    assert job.status == "queued"
    assert f"No space is left to write {what}" in (job.message or "")
    left = outputs_of(context, job)
    assert list(left.iterdir()) == []
    job = worked_on(context, job)
    assert (job.status, job.message) == ("succeeded", None)
    whole = outputs_of(context, done(context, dataset, options))
    name = "adapter/adapter_model.safetensors"
    assert (left / name).read_bytes() == (whole / name).read_bytes()
