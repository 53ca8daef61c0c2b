"""A model measured on held-out rows, beside its base model where there is one."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.atomic_files import written
from app.errors import InvalidInput, MemoryTooSmall
from app.evaluation.evaluating import Asked, Beside, evaluate
from app.evaluation.forgetting import forgetting
from app.evaluation.labels import commonest_label
from app.evaluation.result import Drawing, Evaluation, Forgetting, TrainingFacts
from app.evaluation.values import Contender, HeldOutTask
from app.reports.evaluation.report import evaluation_report
from app.services.training.answers_file import ANSWERS, read_answers, write_answers
from app.services.training.contract import TrainingWatch
from app.training.learn.classifier import Classifier, classifier_of
from app.training.model.base_models import BaseModel, Place, load_to_answer, telling
from app.training.plain.library_types import Model, Tokenizer
from app.training.plain.options import DataOptions, EvaluationOptions, Task
from app.training.publish.adapter_folder import with_adapter
from app.training.use.measuring import contender, label_contender

_EVALUATION = "evaluation.json"


@dataclass(frozen=True, slots=True)
class Tuned:
    """What a job left, to be measured."""

    folder: Path
    name: str
    is_adapter: bool
    """False: all weights were tuned."""


@dataclass(frozen=True, slots=True)
class Measuring:
    """Which models, on what, and how."""

    base_model: str
    tuned: Tuned | None
    tasks: Sequence[HeldOutTask]
    general: Sequence[HeldOutTask]
    """Rows that have nothing to do with the tuning; empty: forgetting is not measured."""
    data: DataOptions
    options: EvaluationOptions
    seed: int
    cache: Path
    place: Place
    task: Task = "answers"
    was_in_four_bits: bool = False
    """Whether it was tuned beside a base model in 4 bits, which may be too big in full."""


@dataclass(frozen=True, slots=True)
class _Both:
    """A model on the held-out tasks and on the general ones."""

    held_out: Contender
    general: Contender | None = None
    """None: forgetting is not measured."""


@dataclass(frozen=True, slots=True)
class _Contest:
    """What is to be compared."""

    base: _Both
    tuned: _Both | None


def measured(
    measuring: Measuring, title: str, training: TrainingFacts | None, watch: TrainingWatch
) -> tuple[Evaluation, Sequence[Contender]] | None:
    """Ask every model every task, and say what came of it; None: it was stopped on the way.

    Raises:
        InvalidInput: when a model cannot be had, or there is no task.
        MemoryTooSmall: when a model does not fit.
    """
    contest = _CONTESTS[measuring.task](measuring, watch)
    if contest is None:
        return None
    base, tuned = contest.base, contest.tuned
    asked = Asked(
        title,
        drawing=Drawing(seed=measuring.seed),
        loss_of="label" if measuring.task == "labels" else "token",
    )
    if measuring.options.rouge_stemmer:
        asked = replace(asked, tokenizers=("rouge", "rouge_stemmed", "unicode"))
    beside = Beside(forgetting=_forgotten(measuring, base, tuned, asked), training=training)
    models = [both.held_out for both in (base, tuned) if both is not None]
    found = evaluate(measuring.tasks, models[0], models[1] if tuned else None, asked, beside)
    return found, models


def measured_before(outputs: Path) -> tuple[Evaluation, Sequence[Contender]] | None:
    """Read what an earlier process of the job measured, before it died or was to stop.

    Judges then see the same answers again, whatever the machine: none of them is asked twice.
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
    """Write it among a job's outputs: as JSON, as a page, and all answers.

    Raises:
        OutOfSpace: when the disk is full.
    """
    write_answers(outputs / ANSWERS, tasks, models)
    _put(outputs / _EVALUATION, evaluation.model_dump_json(indent=2) + "\n")
    _put(outputs / "evaluation.html", evaluation_report(evaluation))


def _of_answers(measuring: Measuring, watch: TrainingWatch) -> _Contest | None:
    """What the base model writes, and what the tuned one does."""
    loaded = _loaded(measuring, watch)
    watch.log(f"{len(measuring.tasks)} held-out tasks are asked of {loaded.name}.")
    name = _shown(loaded.name)
    base = _asked(name, loaded.model, loaded.tokenizer, measuring, watch)
    if base is None:
        return None
    if measuring.tuned is None:
        return _Contest(base, None)
    model = _tuned_model(measuring, measuring.tuned, loaded.model)
    watch.log(f"They are asked of {measuring.tuned.name}.")
    tuned = _asked(measuring.tuned.name, model, loaded.tokenizer, measuring, watch)
    return None if tuned is None else _Contest(base, tuned)


def _loaded(measuring: Measuring, watch: TrainingWatch) -> BaseModel:
    try:
        return load_to_answer(measuring.base_model, measuring.cache, measuring.place)
    except MemoryTooSmall:
        if not measuring.was_in_four_bits:
            raise
    watch.log("The base model does not fit in full: it is measured in 4 bits, as it was tuned.")
    return load_to_answer(measuring.base_model, measuring.cache, measuring.place, in_four_bits=True)


def _of_labels(measuring: Measuring, watch: TrainingWatch) -> _Contest | None:
    """What the tuned encoder tells, beside the commonest label: a head untuned tells nothing."""
    tuned = measuring.tuned
    if tuned is None:
        raise InvalidInput("An encoder that was not tuned tells no labels to be measured.")
    facts = json.loads((tuned.folder / "training.json").read_text(encoding="utf-8"))
    labels: Mapping[str, int] = facts["labels"]
    classifier = _tuned_classifier(measuring, tuned, list(labels))
    watch.log(f"{len(measuring.tasks)} held-out rows are shown to {tuned.name}.")
    told = label_contender(tuned.name, classifier, measuring.tasks, measuring.data, watch.stop)
    if told is None:
        return None
    return _Contest(_Both(commonest_label(labels, measuring.tasks)), _Both(told))


def _shown(base_model: str) -> str:
    """A folder by its own name: where it lies is nothing to the reader of a report."""
    return Path(base_model).name if Path(base_model).is_absolute() else base_model


_CONTESTS: Mapping[Task, Callable[[Measuring, TrainingWatch], _Contest | None]] = {
    "answers": _of_answers,
    "labels": _of_labels,
}


def _tuned_classifier(measuring: Measuring, tuned: Tuned, labels: Sequence[str]) -> Classifier:
    source = measuring.base_model if tuned.is_adapter else str(tuned.folder)
    loaded = load_to_answer(source, measuring.cache, measuring.place.in_full, telling(labels))
    if tuned.is_adapter:
        loaded = replace(loaded, model=with_adapter(loaded.model, tuned.folder))
    return classifier_of(loaded, labels)


def _asked(
    name: str, model: Model, tokenizer: Tokenizer, measuring: Measuring, watch: TrainingWatch
) -> _Both | None:
    data, length = measuring.data, measuring.options.answer_tokens
    held_out = contender(name, model, tokenizer, measuring.tasks, data, length, watch.stop)
    # Likelihoods tell what was forgotten; answers would take as long as the held-out ones.
    general = contender(name, model, tokenizer, measuring.general, data, None, watch.stop)
    return None if held_out is None or general is None else _Both(held_out, general)


def _tuned_model(measuring: Measuring, tuned: Tuned, base: Model) -> Model:
    if tuned.is_adapter:
        return with_adapter(base, tuned.folder)
    return load_to_answer(str(tuned.folder), measuring.cache, measuring.place).model


def _forgotten(
    measuring: Measuring, base: _Both, tuned: _Both | None, asked: Asked
) -> Forgetting | None:
    if tuned is None or base.general is None or tuned.general is None or not measuring.general:
        return None
    return forgetting(measuring.general, base.general, tuned.general, asked.bootstrap)


def _put(path: Path, text: str) -> None:
    with written(path) as file:
        file.write(text.encode())
