"""The evaluation step of a job: runs base and tuned model on held-out tasks, writes the report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.atomic_files import written
from app.errors import InvalidInput, MemoryTooSmall
from app.evaluation.answers import Contender, HeldOutTask
from app.evaluation.evaluate import OtherFindings, ScoringOptions, evaluate
from app.evaluation.evaluation_result import (
    BootstrapOptions,
    Evaluation,
    Forgetting,
    InferenceCost,
    LayerEffect,
    TrainingFacts,
)
from app.evaluation.forgetting import forgetting
from app.evaluation.intervals import Bootstrap
from app.evaluation.labels import commonest_label
from app.reports.evaluation.report import evaluation_report
from app.services.training.answers_file import ANSWERS, read_answers, write_answers
from app.services.training.contract import TrainingMonitor
from app.services.training.trainers.measure_layers import Losses, MeasuredTasks, measure_layers
from app.training.learn.classifier import Classifier, make_classifier
from app.training.model.base_models import BaseModel, classification_head, load_for_inference
from app.training.model.device import Device
from app.training.plain.library_types import Model, Tokenizer
from app.training.plain.option_groups import DataOptions, EvaluationOptions
from app.training.plain.options import Task
from app.training.plain.training_record import read_record
from app.training.publish.adapter_folder import load_adapter
from app.training.use.evaluate_tasks import answer_tasks, label_tasks
from app.training.use.inference_cost import cost_of_full_tuning, inference_cost

_EVALUATION = "evaluation.json"


@dataclass(frozen=True, slots=True)
class TunedOutput:
    """The tuned model of a job."""

    folder: Path
    name: str
    is_adapter: bool
    """False for full tuning."""


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """Models, tasks and options of an evaluation."""

    base_model: str
    tuned: TunedOutput | None
    tasks: Sequence[HeldOutTask]
    general: Sequence[HeldOutTask]
    """General rows to measure forgetting on; empty: not measured."""
    data: DataOptions
    options: EvaluationOptions
    seed: int
    cache: Path
    device: Device
    task: Task = "answers"
    was_in_four_bits: bool = False
    """True when it was trained on a 4-bit base model, which may not fit in full."""


@dataclass(frozen=True, slots=True)
class _ModelAnswers:
    """Results of one model on held-out and on general tasks."""

    held_out: Contender
    general: Contender | None = None
    """None: forgetting is not measured."""


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Results of both models, and of the layers of the adapter."""

    base: _ModelAnswers
    tuned: _ModelAnswers | None = None
    layers: list[LayerEffect] | None = None
    """None: not asked for."""
    inference: InferenceCost | None = None


def evaluate_models(
    plan: EvaluationPlan, title: str, training: TrainingFacts | None, monitor: TrainingMonitor
) -> tuple[Evaluation, Sequence[Contender]] | None:
    """Run every model on every task and compute the metrics; None when it was stopped.

    Raises:
        InvalidInput: a model cannot be loaded, or there is no task.
        MemoryTooSmall: a model does not fit.
        TrainingError: the GPU was lost.
    """
    asked = ScoringOptions(
        title,
        drawing=BootstrapOptions(seed=plan.seed),
        loss_of="label" if plan.task == "labels" else "token",
    )
    comparison = _COMPARE[plan.task](plan, asked.bootstrap, monitor)
    if comparison is None:
        return None
    base, tuned = comparison.base, comparison.tuned
    if plan.options.rouge_stemmer:
        asked = replace(asked, tokenizers=("rouge", "rouge_stemmed", "unicode"))
    beside = OtherFindings(
        forgetting=_measure_forgetting(plan, base, tuned, asked),
        layers=comparison.layers,
        training=training,
        inference=comparison.inference,
    )
    models = [results.held_out for results in (base, tuned) if results is not None]
    found = evaluate(plan.tasks, models[0], models[1] if tuned else None, asked, beside)
    return found, models


def read_evaluation(outputs: Path) -> tuple[Evaluation, Sequence[Contender]] | None:
    """Read the evaluation of an earlier process of the job; None when there is none.

    The judge then sees the same answers again, on any machine, so that no question is paid for
    twice.
    """
    if not (outputs / _EVALUATION).exists():
        return None
    evaluation = Evaluation.model_validate_json((outputs / _EVALUATION).read_bytes())
    return evaluation, read_answers(outputs / ANSWERS)[1]


def write_evaluation(
    outputs: Path,
    tasks: Sequence[HeldOutTask],
    evaluation: Evaluation,
    models: Sequence[Contender],
) -> None:
    """Write the outputs of an evaluation: JSON, HTML report and all answers.

    Raises:
        OutOfSpace: the disk is full.
    """
    write_answers(outputs / ANSWERS, tasks, models)
    _put(outputs / _EVALUATION, evaluation.model_dump_json(indent=2) + "\n")
    _put(outputs / "evaluation.html", evaluation_report(evaluation))


def _compare_answers(
    plan: EvaluationPlan, bootstrap: Bootstrap, monitor: TrainingMonitor
) -> _Comparison | None:
    """Let the base model and the tuned model answer."""
    loaded = _loaded(plan, monitor)
    monitor.log(f"{loaded.name} answers {len(plan.tasks)} held-out tasks.")
    name = _display_name(loaded.name)
    base = _run_model(name, loaded.model, loaded.tokenizer, plan, monitor)
    if base is None:
        return None
    if plan.tuned is None:
        return _Comparison(base)
    name, model = plan.tuned.name, _tuned_model(plan, plan.tuned, loaded.model)
    monitor.log(f"{name} answers them.")
    tuned = _run_model(name, model, loaded.tokenizer, plan, monitor)
    if tuned is None:
        return None

    def losses(tasks: Sequence[HeldOutTask]) -> Contender | None:
        return answer_tasks(name, model, loaded.tokenizer, tasks, plan.data, None, monitor.stop)

    compared = _Comparison(base, tuned, inference=_inference_cost(model, plan.tuned))
    if not plan.options.layers:
        return compared
    layers = _measure_layers(model, losses, tuned, plan, bootstrap, monitor)
    return None if layers is None else replace(compared, layers=layers)


def _measure_layers(
    model: Model,
    losses: Losses,
    tuned: _ModelAnswers,
    plan: EvaluationPlan,
    bootstrap: Bootstrap,
    monitor: TrainingMonitor,
) -> list[LayerEffect] | None:
    held_out = MeasuredTasks(plan.tasks, tuned.held_out)
    general = MeasuredTasks(plan.general, tuned.general or Contender(tuned.held_out.name, ()))
    return measure_layers(model, losses, held_out, general, bootstrap, monitor)


def _loaded(plan: EvaluationPlan, monitor: TrainingMonitor) -> BaseModel:
    try:
        return load_for_inference(plan.base_model, plan.cache, plan.device)
    except MemoryTooSmall:
        if not plan.was_in_four_bits:
            raise
    monitor.log(
        "The base model does not fit in full: it is evaluated in 4 bits, as it was trained."
    )
    return load_for_inference(plan.base_model, plan.cache, plan.device, in_four_bits=True)


def _compare_labels(
    plan: EvaluationPlan, bootstrap: Bootstrap, monitor: TrainingMonitor
) -> _Comparison | None:
    """Compare a classifier with the most common label, as an untrained head predicts nothing."""
    tuned = plan.tuned
    if tuned is None:
        raise InvalidInput("A classifier can only be evaluated after training.")
    labels = read_record(tuned.folder)["labels"]
    classifier = _tuned_classifier(plan, tuned, list(labels))
    monitor.log(f"{tuned.name} labels {len(plan.tasks)} held-out rows.")

    def losses(tasks: Sequence[HeldOutTask]) -> Contender | None:
        return label_tasks(tuned.name, classifier, tasks, plan.data, monitor.stop)

    labelled = losses(plan.tasks)
    if labelled is None:
        return None
    commonest = _ModelAnswers(commonest_label(labels, plan.tasks))
    answers = _ModelAnswers(labelled)
    cost = _inference_cost(classifier.model, tuned)
    compared = _Comparison(commonest, answers, inference=cost)
    if not plan.options.layers:
        return compared
    layers = _measure_layers(classifier.model, losses, answers, plan, bootstrap, monitor)
    return None if layers is None else replace(compared, layers=layers)


def _inference_cost(model: Model, tuned: TunedOutput) -> InferenceCost:
    if not tuned.is_adapter:
        return cost_of_full_tuning(model)
    return inference_cost(model, mergeable=read_record(tuned.folder)["mergeable"])


def _display_name(base_model: str) -> str:
    """Return the last part of a folder; reports do not show its location."""
    return Path(base_model).name if Path(base_model).is_absolute() else base_model


_Compare = Callable[[EvaluationPlan, Bootstrap, TrainingMonitor], _Comparison | None]
_COMPARE: Mapping[Task, _Compare] = {
    "answers": _compare_answers,
    "labels": _compare_labels,
}


def _tuned_classifier(
    plan: EvaluationPlan, tuned: TunedOutput, labels: Sequence[str]
) -> Classifier:
    source = plan.base_model if tuned.is_adapter else str(tuned.folder)
    loaded = load_for_inference(
        source, plan.cache, plan.device.in_float32, classification_head(labels)
    )
    if tuned.is_adapter:
        loaded = replace(loaded, model=load_adapter(loaded.model, tuned.folder))
    return make_classifier(loaded, labels)


def _run_model(
    name: str, model: Model, tokenizer: Tokenizer, plan: EvaluationPlan, monitor: TrainingMonitor
) -> _ModelAnswers | None:
    data, length = plan.data, plan.options.answer_tokens
    held_out = answer_tasks(name, model, tokenizer, plan.tasks, data, length, monitor.stop)
    # Probabilities suffice to measure forgetting; answers would double the time.
    general = answer_tasks(name, model, tokenizer, plan.general, data, None, monitor.stop)
    return None if held_out is None or general is None else _ModelAnswers(held_out, general)


def _tuned_model(plan: EvaluationPlan, tuned: TunedOutput, base: Model) -> Model:
    if tuned.is_adapter:
        return load_adapter(base, tuned.folder)
    return load_for_inference(str(tuned.folder), plan.cache, plan.device).model


def _measure_forgetting(
    plan: EvaluationPlan, base: _ModelAnswers, tuned: _ModelAnswers | None, asked: ScoringOptions
) -> Forgetting | None:
    if tuned is None or base.general is None or tuned.general is None or not plan.general:
        return None
    return forgetting(plan.general, base.general, tuned.general, asked.bootstrap)


def _put(path: Path, text: str) -> None:
    with written(path) as file:
        file.write(text.encode())
