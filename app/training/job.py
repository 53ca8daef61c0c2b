"""A whole training job: base model and rows in, a folder with the adapter out."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from app.errors import Fault, InvalidInput
from app.record import Record
from app.training.learn.batches import Pack, packs_of
from app.training.learn.classifier import (
    classifier_of,
    label_lessons,
    labelled,
    labels_of,
    read_all,
)
from app.training.learn.examples import Lessons
from app.training.learn.loop import Watch, learn, steps_of
from app.training.learn.loss import answer_lessons, sees_rows_apart
from app.training.model.base_models import ANSWERS, BaseModel, Head, Place, load, telling
from app.training.model.methods import adapt
from app.training.plain.encoding import Encoded, EncodingReport, encode_all
from app.training.plain.options import Task, TrainingOptions
from app.training.plain.replay import with_replay
from app.training.publish.adapter_folder import MANIFEST, check_sums, facts_of, save_tuned


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be tuned, on what, and where its files go."""

    options: TrainingOptions
    records: Sequence[Record]
    """Of the task `labels`: classification instances only."""
    checkpoints: Path
    """A folder of this job alone."""
    target: Path
    """The folder to be made: the adapter, or the tuned weights."""
    cache: Path
    """Shared by all jobs: the embedded model as torch reads it."""
    place: Place
    general: Sequence[Record] = ()
    """Where a replay share is taken from."""
    dataset: str = ""
    """What the rows are called: name and version."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a job ended with."""

    adapter: Path | None
    """The folder; None: it was stopped, and goes on from its checkpoint when it is run again."""
    facts: Mapping[str, Any]
    """What `training.json` says; empty when it was stopped."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A base model, and what it is to learn."""

    loaded: BaseModel
    lessons: Lessons
    rows: EncodingReport
    head: Head = ANSWERS
    labels: Mapping[str, int] = field(default_factory=dict)
    """With the number of their rows."""


def carry_out(job: Job, watch: Watch) -> Result:
    """Do a job, or what is left of it. Safe to repeat, whatever was killed where.

    Raises:
        InvalidInput: for a base model, targets or rows that cannot be used.
        TrainingTrouble: when tuning cannot go on; its checkpoints stay.
        OutOfSpace: when the disk is full.
    """
    target = job.target
    if (target / MANIFEST).exists():
        check_sums(target)
        return Result(target, json.loads((target / "training.json").read_text(encoding="utf-8")))
    options = job.options
    prepared = _PREPARE[options.task](job)
    lessons, tokenizer = prepared.lessons, prepared.loaded.tokenizer
    steps = steps_of(len(lessons), options.schedule)
    # An adapter begins with random numbers, too.
    torch.manual_seed(options.seed)
    loaded = prepared.loaded
    adapted = adapt(loaded.model, options.method, steps, prepared.head.peft_task, loaded.fresh)
    outcome = learn(adapted, lessons, options, job.checkpoints, watch)
    if outcome.stopped:
        return Result(None, {})
    told = facts_of(adapted, options, outcome, prepared.rows, prepared.labels)
    facts = {**told, "dataset": job.dataset}
    save_tuned(target, adapted.model, tokenizer, facts)
    return Result(target, facts)


def _to_answer(job: Job) -> _Prepared:
    options = job.options
    loaded = load(options, job.cache, job.place)
    if options.data.packing and not sees_rows_apart(loaded.model):
        told = Fault("rows of a pack would see each other in it", field="data.packing")
        raise InvalidInput(f"{loaded.name} cannot be tuned on packed rows.", [told])
    rows = with_replay(job.records, job.general, options.data.replay_share, options.seed)
    encoded, report = encode_all(rows, loaded.tokenizer, options.data)
    return _Prepared(loaded, answer_lessons(_packs(encoded, options)), report)


def _to_tell_labels(job: Job) -> _Prepared:
    rows = [labelled(record) for record in job.records]
    labels = labels_of(rows)
    head = telling(list(labels))
    loaded = load(job.options, job.cache, job.place.in_full, head)
    read, report = read_all(classifier_of(loaded, list(labels)), rows, job.options.data)
    return _Prepared(loaded, label_lessons(read), report, head, labels)


_PREPARE: Mapping[Task, Callable[[Job], _Prepared]] = {
    "answers": _to_answer,
    "labels": _to_tell_labels,
}


def _packs(encoded: Sequence[Encoded], options: TrainingOptions) -> Sequence[Pack]:
    if options.data.packing:
        return packs_of(encoded, options.data.max_tokens)
    return [(row,) for row in encoded]
