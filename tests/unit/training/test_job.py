"""A whole job: rows in, an adapter's folder out; done twice it is done once."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from transformers import MambaConfig, MambaForCausalLM

from app.dataset_row import Record
from app.errors import InvalidInput
from app.training.job import Job, run_job
from app.training.learn.loop import Step, TrainingHooks
from app.training.model.device import Device
from app.training.plain.options import TrainingOptions
from tests.unit.training.tiny_models import spelling, tiny_llama, tiny_roberta, tiny_tokenizer
from tests.unit.training.tiny_training import options_for

pytestmark = pytest.mark.torch


@pytest.fixture
def job(tmp_path: Path) -> Job:
    tiny_llama().save_pretrained(tmp_path / "tiny")
    tiny_tokenizer().save_pretrained(tmp_path / "tiny")
    options = options_for("lora").model_copy(update={"base_model": str(tmp_path / "tiny")})
    return job_in(tmp_path / "job", options, tmp_path / "cache")


def job_in(folder: Path, options: TrainingOptions, cache: Path) -> Job:
    folder.mkdir()
    target = folder / "adapter"
    return Job(options, spelling(8), folder / "checkpoints", target, cache, Device())


def test_rows_become_an_adapter_and_its_facts(job: Job) -> None:
    result = run_job(job, TrainingHooks())

    assert result.adapter == job.target
    reported = json.loads((job.target / "training.json").read_text(encoding="utf-8"))
    assert reported == result.record
    assert TrainingOptions.model_validate(reported["options"]) == job.options
    assert reported["losses"][-1] < reported["losses"][0]


def test_a_job_that_is_done_is_not_done_again(job: Job) -> None:
    first = run_job(job, TrainingHooks())
    reported: list[Step] = []

    again = run_job(job, TrainingHooks(on_step=reported.append))

    assert again == first
    assert reported == []


def test_a_stopped_job_goes_on_to_the_same_adapter(job: Job, tmp_path: Path) -> None:
    reported: list[Step] = []
    whole = run_job(job_in(tmp_path / "whole", job.options, job.cache), TrainingHooks())

    stopped = run_job(
        job, TrainingHooks(on_step=reported.append, should_stop=lambda: len(reported) == 4)
    )
    resumed = run_job(job, TrainingHooks())

    assert stopped.adapter is None
    assert resumed.record == whole.record
    names = [
        folder / "adapter_model.safetensors"
        for folder in (tmp_path / "whole" / "adapter", job.target)
    ]
    assert names[0].read_bytes() == names[1].read_bytes()


def test_a_replay_share_needs_general_rows(job: Job) -> None:
    some = {"replay_share": 0.5, "replay_dataset_id": "general"}
    data = job.options.data.model_copy(update=some)
    options = job.options.model_copy(update={"data": data})
    general = spelling(20)

    with pytest.raises(InvalidInput, match="no general rows"):
        run_job(replace(job, options=options), TrainingHooks())
    result = run_job(replace(job, options=options, general=general), TrainingHooks())

    assert result.record is not None
    assert result.record["rows"]["rows"] == 16


@pytest.fixture
def encoder_job(job: Job, tmp_path: Path) -> Job:
    tiny_roberta().save_pretrained(tmp_path / "encoder")
    tiny_tokenizer().save_pretrained(tmp_path / "encoder")
    values = job.options.model_dump() | {
        "task": "labels",
        "base_model": str(tmp_path / "encoder"),
        "method": {"name": "lora"},
    }
    records = [Record("aaaa" * n, "Low.") for n in range(1, 5)]
    records += [Record("zzzz" * n, "high") for n in range(1, 4)]
    return replace(job, options=TrainingOptions.model_validate(values), records=records)


def test_labelled_rows_become_an_encoders_adapter_with_their_labels(encoder_job: Job) -> None:
    result = run_job(encoder_job, TrainingHooks())

    reported = json.loads((encoder_job.target / "training.json").read_text(encoding="utf-8"))
    card = (encoder_job.target / "README.md").read_text(encoding="utf-8")
    assert reported == result.record
    assert list(reported["labels"].items()) == [("high", 3), ("low", 4)]
    assert reported["losses"][-1] < reported["losses"][0]
    assert "| labels | high, low |" in card
    assert "tags: [seedbed, text-classification]" in card


def test_a_stopped_encoder_goes_on_to_the_same_adapter(encoder_job: Job, tmp_path: Path) -> None:
    reported: list[Step] = []
    whole = replace(encoder_job, checkpoints=tmp_path / "whole", target=tmp_path / "whole-adapter")
    run_job(whole, TrainingHooks())

    stopped = run_job(
        encoder_job, TrainingHooks(on_step=reported.append, should_stop=lambda: len(reported) == 4)
    )
    run_job(encoder_job, TrainingHooks())

    assert stopped.adapter is None
    one, other = (
        (folder / "adapter_model.safetensors").read_bytes()
        for folder in (whole.target, encoder_job.target)
    )
    assert one == other


def test_rows_of_one_label_teach_nothing(encoder_job: Job) -> None:
    with pytest.raises(InvalidInput, match="at least two labels"):
        run_job(replace(encoder_job, records=encoder_job.records[:4]), TrainingHooks())


def test_the_card_names_the_data_set(job: Job) -> None:
    result = run_job(replace(job, dataset="tea, version 2"), TrainingHooks())

    assert result.record is not None
    assert result.record["dataset"] == "tea, version 2"
    card = (job.target / "README.md").read_text(encoding="utf-8")
    assert "| data set | tea, version 2 |" in card


def test_a_model_that_hands_on_a_state_is_not_tuned_on_packed_rows(
    job: Job, tmp_path: Path
) -> None:
    MambaForCausalLM(
        MambaConfig(vocab_size=300, hidden_size=32, num_hidden_layers=2)
    ).save_pretrained(tmp_path / "mamba")
    tiny_tokenizer().save_pretrained(tmp_path / "mamba")
    data = job.options.data.model_copy(update={"packing": True})
    changed = {"base_model": str(tmp_path / "mamba"), "data": data}

    with pytest.raises(InvalidInput, match="does not support packing") as caught:
        run_job(replace(job, options=job.options.model_copy(update=changed)), TrainingHooks())

    assert caught.value.faults[0].field == "data.packing"
