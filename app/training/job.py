"""A whole training job: base model and rows in, a folder with the adapter out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import torch

from app.dataset_row import Record
from app.errors import Fault, InvalidInput
from app.training.learn.batches import Pack, pack_rows
from app.training.learn.classifier import (
    count_labels,
    encode_texts,
    label_examples,
    labelled_text,
    make_classifier,
)
from app.training.learn.examples import TrainingExamples
from app.training.learn.loop import TrainingHooks, count_steps, learn
from app.training.learn.loss import answer_examples, isolates_packed_rows
from app.training.model.base_models import (
    LANGUAGE_MODEL,
    BaseModel,
    Head,
    classification_head,
    load_for_training,
)
from app.training.model.device import Device
from app.training.model.methods import adapt
from app.training.model.model_checks import check_tokens
from app.training.plain.encoding import Encoded, EncodingReport, encode_all
from app.training.plain.options import Task, TrainingOptions
from app.training.plain.replay import with_replay
from app.training.plain.training_record import TrainingRecord, read_record
from app.training.publish.adapter_folder import (
    MANIFEST,
    save_tuned,
    training_record,
    verify_checksums,
)


@dataclass(frozen=True, slots=True)
class Job:
    """The input of a training job, and where its files go."""

    options: TrainingOptions
    records: Sequence[Record]
    """Training rows; for the task `labels`, classification rows only."""
    checkpoints: Path
    """A folder that belongs to this job alone."""
    target: Path
    """Folder to create, with the adapter or the tuned weights."""
    cache: Path
    """Folder shared by all jobs, for the embedded model in the format of transformers."""
    device: Device
    general: Sequence[Record] = ()
    """Rows to draw the replay share from."""
    dataset: str = ""
    """Name and version of the data set."""
    day: date | None = None
    """The date that chat templates with a date write, also when the job is resumed on another day;
    None: today."""


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a training job."""

    adapter: Path | None
    """The target folder, or None when the job was stopped and can be resumed from its checkpoint.
    """
    record: TrainingRecord | None = None
    """Content of `training.json`; None when the job was stopped."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A base model and its training examples."""

    loaded: BaseModel
    examples: TrainingExamples
    rows: EncodingReport
    head: Head = LANGUAGE_MODEL
    labels: Mapping[str, int] = field(default_factory=dict)
    """The labels of a classifier, each with its number of rows."""


def run_job(job: Job, hooks: TrainingHooks) -> Result:
    """Run a job, or resume it from its last checkpoint. Safe to repeat after a crash.

    Raises:
        InvalidInput: the base model, the target modules or the rows cannot be used.
        TrainingError: training cannot continue; its checkpoints are kept.
        OutOfSpace: the disk is full.
    """
    target = job.target
    if (target / MANIFEST).exists():
        verify_checksums(target)
        return Result(target, read_record(target))
    options = job.options
    prepared = _PREPARE[options.task](job)
    examples, tokenizer = prepared.examples, prepared.loaded.tokenizer
    steps = count_steps(len(examples), options.schedule)
    # Adapter weights are initialized at random, too.
    torch.manual_seed(options.seed)
    loaded = prepared.loaded
    adapted = adapt(
        loaded.model, options.method, steps, prepared.head.peft_task, loaded.new_modules
    )
    outcome = learn(adapted, examples, options, job.checkpoints, hooks)
    if outcome.stopped:
        return Result(None)
    record = training_record(adapted, options, outcome, prepared.rows, prepared.labels)
    record["dataset"] = job.dataset
    save_tuned(target, adapted.model, tokenizer, record)
    return Result(target, record)


def _prepare_answers(job: Job) -> _Prepared:
    options = job.options
    loaded = load_for_training(options, job.cache, job.device)
    if options.data.packing and not isolates_packed_rows(loaded.model):
        fault = Fault("its packed rows would see each other", field="data.packing")
        raise InvalidInput(f"{loaded.name} does not support packing.", [fault])
    rows = with_replay(job.records, job.general, options.data.replay_share, options.seed)
    encoded, report = encode_all(rows, loaded.tokenizer, options.data, job.day)
    check_tokens(loaded.model, loaded.tokenizer, [row.ids for row in encoded], loaded.name)
    return _Prepared(loaded, answer_examples(_packs(encoded, options)), report)


def _prepare_labels(job: Job) -> _Prepared:
    rows = [labelled_text(record) for record in job.records]
    labels = count_labels(rows)
    head = classification_head(list(labels))
    loaded = load_for_training(job.options, job.cache, job.device.in_float32, head)
    read, report = encode_texts(make_classifier(loaded, list(labels)), rows, job.options.data)
    check_tokens(loaded.model, loaded.tokenizer, [row.ids for row in read], loaded.name)
    return _Prepared(loaded, label_examples(read), report, head, labels)


_PREPARE: Mapping[Task, Callable[[Job], _Prepared]] = {
    "answers": _prepare_answers,
    "labels": _prepare_labels,
}


def _packs(encoded: Sequence[Encoded], options: TrainingOptions) -> Sequence[Pack]:
    if options.data.packing:
        return pack_rows(encoded, options.data.max_tokens)
    return [(row,) for row in encoded]
