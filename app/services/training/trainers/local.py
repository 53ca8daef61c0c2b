"""The trainer for machines with torch: trains a model, evaluates it and writes the outputs.

It needs the extra ``training``, so `app.services.training.jobs.choose_trainer` imports it by name,
and no other module may import it.
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from app.dataset_row import DatasetRow, Record
from app.errors import InvalidInput
from app.evaluation.answers import HeldOutTask
from app.evaluation.evaluation_result import ProgressPoint, TrainingFacts
from app.services.training.contract import (
    RowSource,
    TrainerResult,
    TrainingMonitor,
    TrainingWork,
)
from app.services.training.trainers.evaluate import (
    EvaluationPlan,
    TunedOutput,
    evaluate_models,
    read_evaluation,
    write_evaluation,
)
from app.services.training.trainers.report_facts import training_facts
from app.services.training.trainers.split_rows import (
    RowSplit,
    draw_tasks,
    general_rows,
    replay_rows,
    split_dataset,
    split_for_training,
)
from app.training import job
from app.training.job import Job
from app.training.learn.loop import Step, TrainingHooks
from app.training.model.device import Device, default_device
from app.training.model.memory import free_unused_memory
from app.training.plain.option_groups import EvaluationOptions
from app.training.plain.options import EvaluationJobOptions, TrainingOptions
from app.training.plain.training_record import RowCounts, read_record, row_notes
from app.training.publish.export import write_gguf, write_merged
from app.training.use.trackers import tracking

ADAPTER = "adapter"
MODEL = "model"
"""Output folder of full tuning, which has no adapter."""


def run_job(work: TrainingWork, monitor: TrainingMonitor) -> TrainerResult:
    """Run or resume a job; a `app.services.training.contract.Trainer`."""
    _prepare_outputs(work.folder / "outputs")
    device = default_device()
    monitor.log(f"Runs on {device.name}.")
    try:
        return (_train if work.kind == "training" else _evaluate)(work, monitor, device)
    finally:
        free_unused_memory(device.name)


def _prepare_outputs(outputs: Path) -> None:
    """Create the folder, and delete partial files of a killed process."""
    outputs.mkdir(exist_ok=True)
    for part in outputs.glob(".*.part"):
        if part.is_dir():
            shutil.rmtree(part)
        else:
            part.unlink()


def _train(work: TrainingWork, monitor: TrainingMonitor, device: Device) -> TrainerResult:
    options = TrainingOptions.model_validate(work.options)
    split, general = (
        split_for_training(work, options),
        general_rows(work, options.evaluation, options.seed),
    )
    _log_split(split, monitor)
    replay = replay_rows(work, options, [*split.held_out, *general])
    with tracking(options.outputs.report_to, work.job_id, work.folder, monitor.log) as track:
        result = job.run_job(
            _job(work, options, split.training, replay, device),
            _training_hooks(options, monitor, track),
        )
    if result.adapter is None or result.record is None:
        return TrainerResult(is_complete=False)
    _log_row_notes(result.record["rows"], monitor)
    _write_other_forms(work, options, result.adapter, device, monitor)
    trained = TrainerResult(is_complete=True)
    if split.held_out:
        tuned = TunedOutput(result.adapter, work.job_id, is_adapter=options.method.name != "full")
        facts = training_facts(result.record, work.dataset.name, device.name)
        plan = _plan(work, options, tuned, split.held_out, general, device)
        trained = _run_evaluation(work, plan, _title(work, options.evaluation), facts, monitor)
    else:
        monitor.log("No row was held out: no evaluation.")
    if trained.is_complete:
        # Checkpoints are no longer needed, and several times as large as the adapter.
        shutil.rmtree(work.folder / "checkpoints", ignore_errors=True)
    return trained


def _plan(
    work: TrainingWork,
    options: TrainingOptions,
    tuned: TunedOutput,
    held_out: Sequence[DatasetRow],
    general: Sequence[DatasetRow],
    device: Device,
) -> EvaluationPlan:
    """Return the evaluation of a model that was just trained."""
    evaluated = _evaluated(work, options.evaluation)
    return EvaluationPlan(
        task=options.task,
        was_in_four_bits=options.method.name == "qlora",
        base_model=options.base_model,
        tuned=tuned,
        tasks=draw_tasks(held_out, options.evaluation.tasks, options.seed, evaluated.source_of),
        general=list(map(HeldOutTask.of, general)),
        data=options.data,
        options=options.evaluation,
        seed=options.seed,
        cache=work.cache,
        device=device,
    )


def _evaluated(work: TrainingWork, options: EvaluationOptions) -> RowSource:
    """Return the data set that the held-out rows are of."""
    named = options.held_out_dataset_id
    return work.dataset if named is None else work.other_datasets[named]


def _title(work: TrainingWork, options: EvaluationOptions) -> str:
    """Return the name of the data set, and of the one evaluated on when that is another."""
    evaluated = _evaluated(work, options)
    if evaluated is work.dataset:
        return work.dataset.name
    return f"{work.dataset.name}, evaluated on {evaluated.name}"


def _log_row_notes(rows: RowCounts, monitor: TrainingMonitor) -> None:
    for note in row_notes(rows):
        monitor.log(note)


def _log_split(split: RowSplit, monitor: TrainingMonitor) -> None:
    monitor.log(f"{len(split.training)} training rows, {len(split.held_out)} held out.")
    if split.near_duplicates:
        monitor.log(f"Dropped as near-duplicates of training rows: {split.near_duplicates}.")


def _job(
    work: TrainingWork,
    options: TrainingOptions,
    learnt: Sequence[DatasetRow],
    replay: Sequence[Record],
    device: Device,
) -> Job:
    name = MODEL if options.method.name == "full" else ADAPTER
    return Job(
        options=options,
        records=[row.record for row in learnt],
        checkpoints=work.folder / "checkpoints",
        target=work.folder / "outputs" / name,
        cache=work.cache,
        device=device,
        general=replay,
        dataset=work.dataset.name,
        day=work.day,
    )


def _training_hooks(
    options: TrainingOptions, monitor: TrainingMonitor, track: Callable[[ProgressPoint], None]
) -> TrainingHooks:
    def report(step: Step) -> None:
        point = ProgressPoint(step=step.number, loss=step.loss, learning_rate=step.learning_rate)
        monitor.step(point, step.of)
        track(point)

    monitor.log(f"Trains {options.base_model} with {options.method.name}.")
    return TrainingHooks(report, monitor.stop)


def _write_other_forms(
    work: TrainingWork,
    options: TrainingOptions,
    adapter: Path,
    device: Device,
    monitor: TrainingMonitor,
) -> None:
    if options.method.name == "full":
        return
    outputs = work.folder / "outputs"
    if options.outputs.gguf:
        why_not = write_gguf(adapter, outputs / "adapter.gguf", work.cache)
        monitor.log(f"No adapter.gguf: {why_not}." if why_not else "Wrote adapter.gguf.")
    if options.outputs.merged:
        why_not = write_merged(adapter, outputs / "merged", work.cache, device)
        monitor.log(f"No merged weights: {why_not}." if why_not else "Wrote the merged weights.")


def _evaluate(work: TrainingWork, monitor: TrainingMonitor, device: Device) -> TrainerResult:
    options = EvaluationJobOptions.model_validate(work.options)
    tuned, tuned_with = None, TrainingOptions(base_model=options.base_model, data=options.data)
    held_out, seed = _without_split(options.evaluation), options.seed
    if work.tuned_outputs is not None and options.training_job_id is not None:
        tuned = _tuned(work.tuned_outputs, options.training_job_id)
        record = read_record(tuned.folder)
        tuned_with = TrainingOptions.model_validate(record["options"])
        if work.was_trained_on_dataset:
            held_out, seed = tuned_with.evaluation, tuned_with.seed
    split = split_dataset(work.dataset.read(), held_out, seed, tuned_with.task)
    title = work.dataset.name
    if work.was_trained_on_dataset and not split.held_out:
        title += ", all of which are training rows"
        monitor.log("All evaluated rows are training rows of the model.")
    plan = EvaluationPlan(
        task=tuned_with.task,
        was_in_four_bits=tuned_with.method.name == "qlora",
        base_model=tuned_with.base_model,
        tuned=tuned,
        # Without a split, no row is known to be a training row, so all rows are used.
        tasks=draw_tasks(
            split.held_out or split.training,
            options.evaluation.tasks,
            options.seed,
            work.dataset.source_of,
        ),
        general=list(map(HeldOutTask.of, general_rows(work, options.evaluation, options.seed))),
        data=tuned_with.data,
        options=options.evaluation,
        seed=options.seed,
        cache=work.cache,
        device=device,
    )
    return _run_evaluation(work, plan, title, None, monitor)


def _without_split(options: EvaluationOptions) -> EvaluationOptions:
    return options.model_copy(update={"held_out_share": 0.0})


def _tuned(outputs: Path, name: str) -> TunedOutput:
    for folder, is_adapter in ((outputs / ADAPTER, True), (outputs / MODEL, False)):
        if folder.is_dir():
            return TunedOutput(folder, name, is_adapter=is_adapter)
    raise InvalidInput(
        f"The model of {name} is not on this machine: workers that train and evaluate must share "
        "one data folder."
    )


def _run_evaluation(
    work: TrainingWork,
    plan: EvaluationPlan,
    title: str,
    training: TrainingFacts | None,
    monitor: TrainingMonitor,
) -> TrainerResult:
    outputs, tasks = work.folder / "outputs", plan.tasks
    evaluated = read_evaluation(outputs) or evaluate_models(plan, title, training, monitor)
    if evaluated is None:
        return TrainerResult(is_complete=False)
    evaluation, models = evaluated
    write_evaluation(outputs, tasks, evaluation, models)
    if work.judge is None:
        return TrainerResult(is_complete=True, evaluation=evaluation)
    judged = work.judge(evaluation, tasks, models, monitor)
    if judged is None:
        return TrainerResult(is_complete=False)
    write_evaluation(outputs, tasks, judged, models)
    return TrainerResult(is_complete=True, evaluation=judged)
