"""A whole training job: base model and rows in, a folder with the adapter out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from app.record import Record
from app.training.adapters import MANIFEST, check_sums, facts_of, save_tuned
from app.training.batches import Pack, packs_of
from app.training.encoding import Encoded, encode_all
from app.training.loop import Watch, steps_of, tune
from app.training.methods import adapt
from app.training.models import Place, load
from app.training.options import TrainingOptions
from app.training.replay import with_replay


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be tuned, on what, and where its files go."""

    options: TrainingOptions
    records: Sequence[Record]
    checkpoints: Path
    """A folder of this job alone."""
    target: Path
    """The folder to be made: the adapter, or the tuned weights."""
    cache: Path
    """Shared by all jobs: the embedded model as torch reads it."""
    place: Place
    general: Sequence[Record] = ()
    """Where a replay share is taken from."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a job ended with."""

    adapter: Path | None
    """The folder; None: it was stopped, and goes on from its checkpoint when it is run again."""
    facts: Mapping[str, Any]
    """What `training.json` says; empty when it was stopped."""


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
    loaded = load(options, job.cache, job.place)
    rows = with_replay(job.records, job.general, options.data.replay_share, options.seed)
    encoded, report = encode_all(rows, loaded.tokenizer, options.data)
    packs = _packs(encoded, options)
    # An adapter begins with random numbers, too.
    torch.manual_seed(options.seed)
    adapted = adapt(loaded.model, options.method, steps_of(len(packs), options.schedule))
    outcome = tune(adapted, packs, options, job.checkpoints, watch)
    if outcome.stopped:
        return Result(None, {})
    facts = facts_of(adapted, options, outcome, report)
    save_tuned(target, adapted.model, loaded.tokenizer, facts)
    return Result(target, facts)


def _packs(encoded: Sequence[Encoded], options: TrainingOptions) -> Sequence[Pack]:
    if options.data.packing:
        return packs_of(encoded, options.data.max_tokens)
    return [(row,) for row in encoded]
