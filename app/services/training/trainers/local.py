"""A whole job for whoever has torch: a model tuned, measured beside its base, and written down.

Looked up by name, see `app.services.training`: nothing else may import this, for it needs the extra
``training``.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from app.errors import InvalidInput
from app.evaluation.result import ProgressPoint, TrainingFacts
from app.evaluation.values import HeldOutTask
from app.record import DatasetRow, Record
from app.services.training.contract import Trained, TrainingWatch, TrainingWork
from app.services.training.trainers.held_out import (
    Parted,
    general_rows,
    parted,
    replayed,
    sides_of,
    tasks_of,
)
from app.services.training.trainers.local_facts import training_facts
from app.services.training.trainers.measure import (
    Measuring,
    Tuned,
    measured,
    measured_before,
    write_evaluation,
)
from app.training import job
from app.training.job import Job
from app.training.learn.loop import Step, Watch
from app.training.model.base_models import Place, place_here
from app.training.model.memory import give_back
from app.training.plain.options import EvaluationJobOptions, EvaluationOptions, TrainingOptions
from app.training.publish.export import write_for_llama_cpp, write_merged

ADAPTER = "adapter"
MODEL = "model"
"""Of full tuning, which leaves no adapter."""


def carry_out(work: TrainingWork, watch: TrainingWatch) -> Trained:
    """Do what is left of a job: this is a `app.services.training.contract.Trainer`."""
    _make_room(work.folder / "outputs")
    place = place_here()
    watch.log(f"Computes on {place.device}.")
    try:
        return (_trained if work.kind == "training" else _evaluated)(work, watch, place)
    finally:
        give_back(place.device)


def _make_room(outputs: Path) -> None:
    """Make the folder, and remove what a process left in it that died while it wrote."""
    outputs.mkdir(exist_ok=True)
    for part in outputs.glob(".*.part"):
        if part.is_dir():
            shutil.rmtree(part)
        else:
            part.unlink()


def _trained(work: TrainingWork, watch: TrainingWatch, place: Place) -> Trained:
    options = TrainingOptions.model_validate(work.options)
    sides, general = sides_of(work, options), general_rows(work, options.evaluation, options.seed)
    _tell_sides(sides, watch)
    replay = replayed(work, options, [*sides.held_out, *general])
    made = job.carry_out(
        _job(work, options, sides.learnt, replay, place), _tuning_watch(options, watch)
    )
    if made.adapter is None:
        return Trained(is_whole=False)
    _write_other_forms(work, options, made.adapter, place, watch)
    facts = training_facts(made.facts, work.dataset.name, place.device)
    if not sides.held_out:
        watch.log("Nothing was held out, so nothing is measured.")
        trained = Trained(is_whole=True)
    else:
        evaluation = options.evaluation
        tuned = Tuned(made.adapter, work.job_id, is_adapter=options.method.name != "full")
        measuring = Measuring(
            task=options.task,
            was_in_four_bits=options.method.name == "qlora",
            base_model=options.base_model,
            tuned=tuned,
            tasks=tasks_of(sides.held_out, evaluation.tasks, options.seed),
            general=list(map(HeldOutTask.of, general)),
            data=options.data,
            options=evaluation,
            seed=options.seed,
            cache=work.cache,
            place=place,
        )
        title = _title(work, options.evaluation.held_out_dataset_id)
        trained = _measured(work, measuring, title, facts, watch)
    if trained.is_whole:
        # Nobody goes on from here, and they are several times as large as the adapter.
        shutil.rmtree(work.folder / "checkpoints", ignore_errors=True)
    return trained


def _tell_sides(sides: Parted, watch: TrainingWatch) -> None:
    watch.log(f"{len(sides.learnt)} rows to learn, {len(sides.held_out)} held out.")
    if sides.near:
        watch.log(f"Of those to measure on, left out as near to rows to learn: {sides.near}.")


def _title(work: TrainingWork, held_out_dataset_id: str | None) -> str:
    """What was learnt, and what was measured on, where that is another data set."""
    if held_out_dataset_id is None:
        return work.dataset.name
    return f"{work.dataset.name}, measured on {work.others[held_out_dataset_id].name}"


def _job(
    work: TrainingWork,
    options: TrainingOptions,
    learnt: Sequence[DatasetRow],
    replay: Sequence[Record],
    place: Place,
) -> Job:
    name = MODEL if options.method.name == "full" else ADAPTER
    return Job(
        options=options,
        records=[row.record for row in learnt],
        checkpoints=work.folder / "checkpoints",
        target=work.folder / "outputs" / name,
        cache=work.cache,
        place=place,
        general=replay,
        dataset=work.dataset.name,
    )


def _tuning_watch(options: TrainingOptions, watch: TrainingWatch) -> Watch:
    def told(step: Step) -> None:
        point = ProgressPoint(step=step.number, loss=step.loss, learning_rate=step.learning_rate)
        watch.step(point, step.of)

    watch.log(f"Tunes {options.base_model} by {options.method.name}.")
    return Watch(told, watch.stop)


def _write_other_forms(
    work: TrainingWork, options: TrainingOptions, adapter: Path, place: Place, watch: TrainingWatch
) -> None:
    if options.method.name == "full":
        return
    outputs = work.folder / "outputs"
    if options.outputs.gguf:
        why_not = write_for_llama_cpp(adapter, outputs / "adapter.gguf", work.cache)
        watch.log(f"No adapter.gguf: {why_not}." if why_not else "Wrote adapter.gguf.")
    if options.outputs.merged:
        why_not = write_merged(adapter, outputs / "merged", work.cache, place)
        watch.log(f"No merged weights: {why_not}." if why_not else "Wrote the merged weights.")


def _evaluated(work: TrainingWork, watch: TrainingWatch, place: Place) -> Trained:
    options = EvaluationJobOptions.model_validate(work.options)
    tuned, by = None, TrainingOptions(base_model=options.base_model, data=options.data)
    held_out, seed = _every_row(options.evaluation), options.seed
    if work.tuned is not None and options.training_job_id is not None:
        tuned = _tuned(work.tuned, options.training_job_id)
        facts = json.loads((tuned.folder / "training.json").read_text(encoding="utf-8"))
        by = TrainingOptions.model_validate(facts["options"])
        if work.has_learnt_it:
            held_out, seed = by.evaluation, by.seed
    sides = parted(work.dataset.read(), held_out, seed, by.task)
    title = work.dataset.name
    if work.has_learnt_it and not sides.held_out:
        title += ", of which all rows were learnt"
        watch.log("The model has learnt every row that it is asked.")
    measuring = Measuring(
        task=by.task,
        was_in_four_bits=by.method.name == "qlora",
        base_model=by.base_model,
        tuned=tuned,
        # Of a version that is not split nothing was learnt that we know of: all of it is asked.
        tasks=tasks_of(sides.held_out or sides.learnt, options.evaluation.tasks, options.seed),
        general=list(map(HeldOutTask.of, general_rows(work, options.evaluation, options.seed))),
        data=by.data,
        options=options.evaluation,
        seed=options.seed,
        cache=work.cache,
        place=place,
    )
    return _measured(work, measuring, title, None, watch)


def _every_row(options: EvaluationOptions) -> EvaluationOptions:
    return options.model_copy(update={"held_out_share": 0.0})


def _tuned(outputs: Path, name: str) -> Tuned:
    for folder, is_adapter in ((outputs / ADAPTER, True), (outputs / MODEL, False)):
        if folder.is_dir():
            return Tuned(folder, name, is_adapter=is_adapter)
    raise InvalidInput(
        f"What {name} tuned is not on this machine: workers that train and measure share one "
        "data folder."
    )


def _measured(
    work: TrainingWork,
    measuring: Measuring,
    title: str,
    training: TrainingFacts | None,
    watch: TrainingWatch,
) -> Trained:
    outputs, tasks = work.folder / "outputs", measuring.tasks
    found = measured_before(outputs) or measured(measuring, title, training, watch)
    if found is None:
        return Trained(is_whole=False)
    evaluation, models = found
    write_evaluation(outputs, tasks, evaluation, models)
    if work.judge is None:
        return Trained(is_whole=True, evaluation=evaluation)
    judged = work.judge(evaluation, tasks, models, watch)
    if judged is None:
        return Trained(is_whole=False)
    write_evaluation(outputs, tasks, judged, models)
    return Trained(is_whole=True, evaluation=judged)
