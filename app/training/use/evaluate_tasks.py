"""Results of a model on held-out tasks: its answers, and the probability of the references."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

from app.dataset_row import Record
from app.errors import RowRefused
from app.evaluation.answers import Answer, Contender, HeldOutTask
from app.training.learn.classifier import Classifier, classify, labelled_text
from app.training.learn.loss import log_probabilities
from app.training.model.device import device_errors_as_failures
from app.training.plain.encoding import Encoded, encode
from app.training.plain.library_types import Model, Tokenizer
from app.training.plain.option_groups import DataOptions
from app.training.use.generate import context_length
from app.training.use.greedy_answers import GeneratedAnswer, generate_answers

_AT_ONCE = 16


def answer_tasks(  # noqa: PLR0913, PLR0917 - a model with its tokenizer, tasks, and how they are put
    name: str,
    model: Model,
    tokenizer: Tokenizer,
    tasks: Sequence[HeldOutTask],
    options: DataOptions,
    answer_tokens: int | None,
    stop: Callable[[], bool],
) -> Contender | None:
    """Let a model answer every task; None when it was stopped.

    Args:
        name: Name of the model in the evaluation.
        model: Answers greedily, so that results are reproducible.
        tokenizer: The tokenizer of the model.
        tasks: Held-out tasks.
        options: How tasks become tokens; the length is that of training, or of the context.
        answer_tokens: Longest answer, in tokens; None: only probabilities, no answers.
        stop: Called between batches, and before each token of an answer.
    """
    found: list[Answer] = []
    context = context_length(model)
    if context is not None and context < options.max_tokens:
        options = options.model_copy(update={"max_tokens": context})
    for start in range(0, len(tasks), _AT_ONCE):
        if stop():
            return None
        some = tasks[start : start + _AT_ONCE]
        with _device_errors():
            found += _answers(model, tokenizer, some, options, answer_tokens, stop)
    # An answer that was stopped is incomplete.
    return None if answer_tokens is not None and stop() else Contender(name, tuple(found))


def label_tasks(
    name: str,
    classifier: Classifier,
    tasks: Sequence[HeldOutTask],
    options: DataOptions,
    stop: Callable[[], bool],
) -> Contender | None:
    """Let a classifier label every task; None when it was stopped.

    The answer is the most likely label; the probability is that of the correct label.
    """
    found: list[Answer] = []
    for start in range(0, len(tasks), _AT_ONCE):
        if stop():
            return None
        some = tasks[start : start + _AT_ONCE]
        rows = [labelled_text(task.record) for task in some]
        with _device_errors():
            predicted = classify(classifier, [row.text for row in rows], options)
        for task, row, logarithms in zip(some, rows, predicted, strict=True):
            likeliest = max(logarithms, key=logarithms.__getitem__)
            # A label without training rows cannot be predicted.
            right = logarithms.get(row.label, -math.inf)
            found.append(Answer(task.id, likeliest, log_probabilities=(right,)))
    return Contender(name, tuple(found))


def _device_errors() -> AbstractContextManager[None]:
    return device_errors_as_failures(
        f"A batch of {_AT_ONCE} tasks", "The tuned model is kept; use fewer answer_tokens."
    )


def _answers(
    model: Model,
    tokenizer: Tokenizer,
    tasks: Sequence[HeldOutTask],
    options: DataOptions,
    answer_tokens: int | None,
    stop: Callable[[], bool],
) -> Iterator[Answer]:
    # A task that the chat template takes in no form stays unanswered.
    encoded = [(task, row) for task in tasks if (row := _row_of(task, tokenizer, options))]
    records = [task.record for task, _ in encoded]
    generated: Sequence[GeneratedAnswer | None] = [None] * len(records)
    if answer_tokens is not None:
        generated = list(generate_answers(model, tokenizer, records, options, answer_tokens, stop))
    likely = log_probabilities(model, [row for _, row in encoded], tokenizer.pad_token_id)
    for (task, row), answer, logarithms in zip(encoded, generated, likely, strict=True):
        yield Answer(
            task.id,
            None if answer is None else answer.text,
            # The reference lies beyond the length limit.
            log_probabilities=logarithms or None,
            reference_bytes=None if row.cut else _bytes_of(task.record),
            cut_off=answer is not None and answer.cut_off,
        )


def _row_of(task: HeldOutTask, tokenizer: Tokenizer, options: DataOptions) -> Encoded | None:
    try:
        return encode(task.record, tokenizer, options)
    except RowRefused:
        return None


def _bytes_of(record: Record) -> int:
    """Return the UTF-8 size of all answers of a row, including earlier turns."""
    answers = [*(exchange.assistant for exchange in record.history), record.output]
    return sum(len(answer.encode("utf-8", "replace")) for answer in answers)
