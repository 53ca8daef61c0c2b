"""Metrics by source: a data set that mixes several kinds of tasks has figures for each of them."""

from collections.abc import Callable, Sequence

from app.evaluation.answers import Contender, HeldOutTask
from app.evaluation.evaluation_result import SourceFigures
from app.evaluation.forgetting import loss_change
from app.evaluation.intervals import Bootstrap, wilson
from app.evaluation.labels import is_exact
from app.evaluation.metrics import Estimate
from app.evaluation.perplexity import perplexity
from app.evaluation.rouge import score


def figures_by_source(
    tasks: Sequence[HeldOutTask], models: Sequence[Contender], bootstrap: Bootstrap
) -> list[SourceFigures]:
    """Return the metrics of each source, in the order of the first task of each.

    Returns:
        An empty list for fewer than two sources: their figures are those of the whole.
    """
    sources = list(dict.fromkeys(task.source for task in tasks))
    if len(sources) < 2:
        return []
    return [
        _figures(source, [task for task in tasks if task.source == source], models, bootstrap)
        for source in sources
    ]


def _figures(
    source: str, tasks: Sequence[HeldOutTask], models: Sequence[Contender], bootstrap: Bootstrap
) -> SourceFigures:
    ids = {task.id for task in tasks}
    own = [
        Contender(model.name, tuple(answer for answer in model.answers if answer.task_id in ids))
        for model in models
    ]
    losses = [perplexity(model.answers, bootstrap) for model in own]
    return SourceFigures(
        source=source,
        tasks=len(tasks),
        exact=[_exact(tasks, model, bootstrap.level) for model in own],
        rouge_l=[_rouge_l(tasks, model, bootstrap.mean) for model in own],
        loss=[None if found is None else found.loss for found in losses],
        loss_change=loss_change(own[0], own[1], bootstrap) if len(own) > 1 else None,
    )


def _exact(tasks: Sequence[HeldOutTask], model: Contender, level: float) -> Estimate:
    texts = model.texts(tasks)
    right = sum(is_exact(task, text) for task, text in zip(tasks, texts, strict=True))
    return wilson(right, len(tasks), level)


def _rouge_l(
    tasks: Sequence[HeldOutTask], model: Contender, mean: Callable[[Sequence[float]], Estimate]
) -> Estimate:
    pairs = zip(tasks, model.texts(tasks), strict=True)
    return mean([score(task.reference, text, "unicode").rouge_l.f for task, text in pairs])
