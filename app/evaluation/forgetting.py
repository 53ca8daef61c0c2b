"""Forgetting: performance on general rows before and after tuning."""

import math
from collections.abc import Sequence
from typing import Literal

from app.evaluation.answers import Contender, HeldOutTask
from app.evaluation.evaluation_result import Forgetting
from app.evaluation.intervals import Bootstrap
from app.evaluation.metrics import Estimate
from app.evaluation.paired import compare
from app.evaluation.perplexity import perplexity
from app.evaluation.rouge import score


def forgetting(
    tasks: Sequence[HeldOutTask], before: Contender, after: Contender, bootstrap: Bootstrap
) -> Forgetting:
    """Compare a model on general rows before and after tuning; only what was measured."""
    change = loss_change(before, after, bootstrap)
    answered = [
        task
        for task in tasks
        if any(
            a.task_id == task.id and a.text is not None for a in (*before.answers, *after.answers)
        )
    ]
    scores = [
        [
            score(task.reference, text, "unicode").rouge_l.f
            for task, text in zip(answered, model.texts(answered), strict=True)
        ]
        for model in (before, after)
    ]
    return Forgetting(
        tasks=len(tasks),
        before=perplexity(before.answers, bootstrap),
        after=perplexity(after.answers, bootstrap),
        loss_change=change,
        rouge_l=compare("ROUGE-L F (unicode)", scores[0], scores[1], bootstrap),
        verdict=_verdict(change),
    )


def _verdict(change: Estimate | None) -> Literal["forgot", "kept", "gained", "unknown"]:
    if change is None or change.low is None or change.high is None:
        return "unknown"
    if change.low > 0:
        return "forgot"
    return "gained" if change.high < 0 else "kept"


def loss_change(before: Contender, after: Contender, bootstrap: Bootstrap) -> Estimate | None:
    """Return the change of loss per token, over the tasks with losses from both models.

    Tasks are weighted by their tokens. A task is left out when the number of tokens differs or a
    token has probability 0.

    Returns:
        None when no task is left.
    """
    earlier = {answer.task_id: answer.log_probabilities for answer in before.answers}
    changes, tokens = [], []
    for answer in after.answers:
        old, new = earlier.get(answer.task_id), answer.log_probabilities
        if not old or not new or len(old) != len(new):
            continue
        change = math.fsum(old) - math.fsum(new)
        if math.isfinite(change):
            changes.append(change)
            tokens.append(float(len(new)))
    return bootstrap.ratio(changes, tokens) if tokens else None
