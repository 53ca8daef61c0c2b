"""What a model makes of held-out tasks: its answers, and how likely it holds the references."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

from app.evaluation.values import Answer, Contender, HeldOutTask
from app.record import Record
from app.training.learn.classifier import Classifier, classify, labelled
from app.training.learn.loss import log_probabilities
from app.training.model.device_errors import device_troubles_told
from app.training.plain.encoding import encode
from app.training.plain.library_types import Model, Tokenizer
from app.training.plain.options import DataOptions
from app.training.use.answering import Said, answers
from app.training.use.generating import context_of

_AT_ONCE = 16


def contender(  # noqa: PLR0913, PLR0917 - a model with its tokenizer, tasks, and how they are put
    name: str,
    model: Model,
    tokenizer: Tokenizer,
    tasks: Sequence[HeldOutTask],
    options: DataOptions,
    answer_tokens: int | None,
    stop: Callable[[], bool],
) -> Contender | None:
    """Ask a model every task; None: it was stopped on the way.

    Args:
        name: What the reader of the evaluation knows the model by.
        model: Answers greedily, so that the same model answers the same.
        tokenizer: The model's.
        tasks: What it is asked.
        options: How a task becomes tokens; the length is that of tuning, or the model's.
        answer_tokens: An answer's most tokens; None: no answer is wanted, only likelihoods.
        stop: Asked between portions, and before each token of an answer.
    """
    found: list[Answer] = []
    context = context_of(model)
    if context is not None and context < options.max_tokens:
        options = options.model_copy(update={"max_tokens": context})
    for start in range(0, len(tasks), _AT_ONCE):
        if stop():
            return None
        some = tasks[start : start + _AT_ONCE]
        with _troubles_told():
            found += _answers(model, tokenizer, some, options, answer_tokens, stop)
    # What ended early is no answer.
    return None if answer_tokens is not None and stop() else Contender(name, tuple(found))


def label_contender(
    name: str,
    classifier: Classifier,
    tasks: Sequence[HeldOutTask],
    options: DataOptions,
    stop: Callable[[], bool],
) -> Contender | None:
    """Have an encoder tell every task's label; None: it was stopped on the way.

    What it answers is the likeliest label; of the reference it tells the label's one probability.
    """
    found: list[Answer] = []
    for start in range(0, len(tasks), _AT_ONCE):
        if stop():
            return None
        some = tasks[start : start + _AT_ONCE]
        rows = [labelled(task.record) for task in some]
        with _troubles_told():
            told = classify(classifier, [row.text for row in rows], options)
        for task, row, logarithms in zip(some, rows, told, strict=True):
            likeliest = max(logarithms, key=logarithms.__getitem__)
            # A label that no row to learn had is none that it could tell.
            right = logarithms.get(row.label, -math.inf)
            found.append(Answer(task.id, likeliest, log_probabilities=(right,)))
    return Contender(name, tuple(found))


def _troubles_told() -> AbstractContextManager[None]:
    return device_troubles_told(
        f"A portion of {_AT_ONCE} tasks", "What was tuned is kept; fewer answer_tokens take less."
    )


def _answers(
    model: Model,
    tokenizer: Tokenizer,
    tasks: Sequence[HeldOutTask],
    options: DataOptions,
    answer_tokens: int | None,
    stop: Callable[[], bool],
) -> Iterator[Answer]:
    records = [task.record for task in tasks]
    said: Sequence[Said | None] = [None] * len(tasks)
    if answer_tokens is not None:
        said = list(answers(model, tokenizer, records, options, answer_tokens, stop))
    rows = [encode(record, tokenizer, options) for record in records]
    likely = log_probabilities(model, rows, tokenizer.pad_token_id)
    for task, answer, row, logarithms in zip(tasks, said, rows, likely, strict=True):
        yield Answer(
            task.id,
            None if answer is None else answer.text,
            # Nothing of its reference is left within the length.
            log_probabilities=logarithms or None,
            reference_bytes=None if row.cut else _bytes_of(task.record),
            cut_off=answer is not None and answer.cut_off,
        )


def _bytes_of(record: Record) -> int:
    """Of all that is under loss: the answer, and those of earlier turns."""
    answers = [*(exchange.assistant for exchange in record.history), record.output]
    return sum(len(answer.encode("utf-8", "replace")) for answer in answers)
