"""The start of processes: which libraries they load, and garbage collection meanwhile."""

import gc

from app.start_up import collector_rests
from tests.loaded import loaded_by

TUNING = {"torch", "transformers", "peft", "datasets", "pandas", "spacy"}
SCORES = {"nltk", "scipy", "rouge_score"}
MODEL_CALLS = {"openai", "aiohttp"}
FILES = {"pyarrow", "huggingface_hub"}


def test_api_and_sweeper_load_no_library_that_only_workers_need() -> None:
    loaded = loaded_by("import app.api.__main__, workers.sweeper")
    assert "app.api.application" in loaded
    assert not (TUNING | SCORES | MODEL_CALLS | FILES) & loaded
    assert "psycopg" not in loaded, "SQLite needs none"


def test_a_worker_loads_its_work_before_it_forks_and_no_scores() -> None:
    loaded = loaded_by("import workers.celery_app")
    assert loaded >= {"openai", "app.services.generation.pump", "app.services.training.jobs.work"}
    assert not (TUNING | SCORES | FILES) & loaded


def test_no_garbage_is_collected_while_modules_are_loaded() -> None:
    frozen = gc.get_freeze_count()
    with collector_rests():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > frozen


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with collector_rests():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
