"""Evaluation of answers: metrics of each model, and a paired comparison of two models."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.errors import InvalidInput
from app.evaluation.answers import Contender, HeldOutTask
from app.evaluation.by_source import figures_by_source
from app.evaluation.evaluation_result import (
    BootstrapOptions,
    Evaluation,
    Forgetting,
    InferenceCost,
    LayerEffect,
    TrainingFacts,
)
from app.evaluation.examples import examples
from app.evaluation.forgetting import loss_change
from app.evaluation.intervals import Bootstrap, wilson
from app.evaluation.labels import exact_match, is_exact
from app.evaluation.metrics import (
    Comparison,
    ExactShare,
    JudgeFigures,
    LossUnit,
    ModelFigures,
    ReviewFigures,
    TokenizerName,
)
from app.evaluation.paired import compare, compare_counts, corrected
from app.evaluation.perplexity import perplexity
from app.evaluation.rouge import TaskScores, rouge_figures, score
from app.evaluation.summary import sentences


@dataclass(frozen=True, slots=True)
class ScoringOptions:
    """Options of an evaluation."""

    title: str
    made_at: str = ""
    tokenizers: tuple[TokenizerName, ...] = ("rouge", "unicode")
    drawing: BootstrapOptions = field(default_factory=BootstrapOptions)
    loss_of: LossUnit = "token"

    @property
    def bootstrap(self) -> Bootstrap:
        """Return the bootstrap with these options."""
        return Bootstrap(self.drawing.level, self.drawing.resamples, self.drawing.seed)


@dataclass(frozen=True, slots=True)
class OtherFindings:
    """Findings that can't be computed from the answers of base and tuned model."""

    judge: JudgeFigures | None = None
    review: ReviewFigures | None = None
    forgetting: Forgetting | None = None
    layers: list[LayerEffect] | None = None
    training: TrainingFacts | None = None
    inference: InferenceCost | None = None


@dataclass(frozen=True, slots=True)
class _Scored:
    """A model with the scores of its answers, in the order of the tasks."""

    contender: Contender
    texts: list[str]
    right: list[bool]
    rouge: dict[TokenizerName, list[TaskScores]]


def evaluate(
    tasks: Sequence[HeldOutTask],
    base: Contender,
    tuned: Contender | None,
    options: ScoringOptions,
    findings: OtherFindings | None = None,
) -> Evaluation:
    """Score the answers of each model, and compare the tuned model with the base if both are given.

    The same arguments give the same evaluation.

    Raises:
        InvalidInput: when there is no held-out task.
        ValueError: when two tasks have one id, or an answer has no task; a defect.
    """
    if not tasks:
        raise InvalidInput("There is no held-out task to evaluate on.")
    models = [base] if tuned is None else [base, tuned]
    _check_ids(tasks, models)
    scored = [_scored(tasks, model, options.tokenizers) for model in models]
    found = Evaluation(
        title=options.title,
        made_at=options.made_at,
        tasks=len(tasks),
        classification_tasks=sum(task.is_classification for task in tasks),
        drawing=options.drawing,
        models=[_figures(tasks, each, options) for each in scored],
        loss_of=options.loss_of,
        sources=figures_by_source(tasks, models, options.bootstrap),
    )
    if tuned is not None:
        better, worse = examples(tasks, scored[0].texts, scored[1].texts)
        changes = {
            "comparisons": _comparisons(tasks, scored[0], scored[1], options),
            "loss_change": loss_change(base, tuned, options.bootstrap),
            "better": better,
            "worse": worse,
        }
        found = found.model_copy(update=changes)
    return with_findings(found, findings or OtherFindings())


def with_findings(evaluation: Evaluation, findings: OtherFindings) -> Evaluation:
    """Return the evaluation with more findings and a new summary."""
    added = {
        name: value
        for name in ("judge", "review", "forgetting", "layers", "training", "inference")
        if (value := getattr(findings, name)) is not None
    }
    whole = evaluation.model_copy(update=added)
    return whole.model_copy(update={"words": sentences(whole)})


def _check_ids(tasks: Sequence[HeldOutTask], models: Sequence[Contender]) -> None:
    ids = {task.id for task in tasks}
    if len(ids) != len(tasks):
        raise ValueError("two held-out tasks have the same id")
    for model in models:
        stray = [answer.task_id for answer in model.answers if answer.task_id not in ids]
        if stray or len(model.by_task()) != len(model.answers):
            raise ValueError(f"{model.name}: an answer without a task, or two to one: {stray[:3]}")


def _scored(
    tasks: Sequence[HeldOutTask], model: Contender, tokenizers: Sequence[TokenizerName]
) -> _Scored:
    texts = model.texts(tasks)
    pairs = list(zip(tasks, texts, strict=True))
    right = [is_exact(task, text) for task, text in pairs]
    rouge = {
        name: [score(task.reference, text, tokenizer=name) for task, text in pairs]
        for name in tokenizers
    }
    return _Scored(model, texts, right, rouge)


def _figures(
    tasks: Sequence[HeldOutTask], scored: _Scored, options: ScoringOptions
) -> ModelFigures:
    answers = [each for each in scored.contender.answers if each.text is not None]
    labelled = [
        (task.reference, text)
        for task, text in zip(tasks, scored.texts, strict=True)
        if task.is_classification
    ]
    return ModelFigures(
        name=scored.contender.name,
        answered=len(answers),
        unanswered=len(tasks) - len(answers),
        empty=sum(not (each.text or "").strip() for each in answers),
        cut_off=sum(each.cut_off for each in answers),
        rouge=[
            rouge_figures(scores, name, options.bootstrap) for name, scores in scored.rouge.items()
        ],
        exact=ExactShare(
            tasks=len(tasks),
            right=sum(scored.right),
            share=wilson(sum(scored.right), len(tasks), options.drawing.level),
        ),
        exact_match=exact_match(
            [reference for reference, _ in labelled],
            [text for _, text in labelled],
            options.drawing.level,
        ),
        perplexity=perplexity(scored.contender.answers, options.bootstrap),
    )


def _comparisons(
    tasks: Sequence[HeldOutTask], base: _Scored, tuned: _Scored, options: ScoringOptions
) -> list[Comparison]:
    every = range(len(tasks))
    labelled = [place for place in every if tasks[place].is_classification]
    found: list[Comparison | None] = [_exact("exact match", every, base, tuned, options)]
    if 0 < len(labelled) < len(tasks):
        found.append(_exact("exact match, classification", labelled, base, tuned, options))
    for name in options.tokenizers:
        for kind, words in (("rouge1", "ROUGE-1"), ("rouge2", "ROUGE-2"), ("rouge_l", "ROUGE-L")):
            before, after = (
                [getattr(scores, kind).f for scores in each.rouge[name]] for each in (base, tuned)
            )
            found.append(compare(f"{words} F ({name})", before, after, options.bootstrap))
    return corrected([each for each in found if each is not None])


def _exact(
    metric: str, places: Sequence[int], base: _Scored, tuned: _Scored, options: ScoringOptions
) -> Comparison:
    gains = [tuned.right[place] - base.right[place] for place in places]
    counts = gains.count(1), gains.count(-1), gains.count(0)
    return compare_counts(metric, *counts, options.drawing.level)
