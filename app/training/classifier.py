"""An encoder with a head of labels, tuned by LoRA on query and value: RoBERTa and its kin.

For a data set's classification instances, where the text is instruction and input and the label
is the answer, or for what reviewers decided of rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional
from transformers import AutoModelForSequenceClassification

from app.errors import Fault, InvalidInput, LossNotFinite
from app.record import Record
from app.training.batches import order_of_epoch
from app.training.libraries import Model, Tokenizer
from app.training.loop import Outcome, Step, Watch, learning_rate_at, steps_of
from app.training.methods import Adapted, adapt
from app.training.models import tokenizer_of
from app.training.options import TrainingOptions

TASK = "SEQ_CLS"


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text and what it is."""

    text: str
    label: str


@dataclass(frozen=True, slots=True)
class Classifier:
    """An encoder that tells labels."""

    model: Model
    tokenizer: Tokenizer
    labels: tuple[str, ...]
    """By their number in the head."""


def labelled(record: Record) -> Labelled:
    """A classification instance as a text with its label."""
    return Labelled(record.request, record.output.strip())


def labels_of(rows: Sequence[Labelled]) -> tuple[str, ...]:
    """The labels that there are, in the alphabet's order.

    Raises:
        InvalidInput: when there are fewer than two, so that there is nothing to tell apart.
    """
    labels = tuple(sorted({row.label for row in rows}))
    if len(labels) < 2:
        told = f"{len(rows)} rows have {len(labels)} labels"
        raise InvalidInput("A classifier needs two labels or more.", [Fault(told)])
    return labels


def load_encoder(source: str, labels: Sequence[str]) -> Classifier:
    """Load an encoder with a fresh head for the labels.

    Raises:
        InvalidInput: when there is no such model.
    """
    try:
        model = AutoModelForSequenceClassification.from_pretrained(
            source,
            num_labels=len(labels),
            id2label=dict(enumerate(labels)),
            label2id={label: number for number, label in enumerate(labels)},
        )
        return Classifier(model, tokenizer_of(source), tuple(labels))
    except (OSError, ValueError) as error:
        first = str(error).strip().splitlines()[0]
        fault = Fault(first, field="base_model")
        raise InvalidInput(f"The encoder {source!r} cannot be loaded.", [fault]) from error


def adapt_encoder(classifier: Classifier, options: TrainingOptions, rows: int) -> Adapted:
    """Put the adapter on query and value; the head is tuned in full, for it is new.

    Raises:
        InvalidInput: when the model lacks the targets.
    """
    steps = steps_of(rows, options.schedule)
    return adapt(classifier.model, options.method, steps, TASK)


def tune_classifier(
    classifier: Classifier,
    adapted: Adapted,
    rows: Sequence[Labelled],
    options: TrainingOptions,
    watch: Watch,
) -> Outcome:
    """Tune in place; without checkpoints, for an encoder is tuned in minutes.

    Raises:
        LossNotFinite: at the first loss that is no number.
    """
    torch.manual_seed(options.seed)
    model, schedule = adapted.model.train(), options.schedule
    tuned = [one for one in model.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(tuned, weight_decay=schedule.weight_decay)
    steps, losses = steps_of(len(rows), schedule), list[float]()
    order: list[int] = []
    while len(losses) < steps and not watch.stop():
        number = len(losses) + 1
        while len(order) < schedule.batch:
            order += order_of_epoch(len(rows), options.seed, number)
        chosen, order = order[: schedule.batch], order[schedule.batch :]
        some = [rows[one] for one in chosen]
        wanted = torch.tensor([classifier.labels.index(row.label) for row in some])
        logits = model(**_read(classifier, [row.text for row in some], options)).logits
        loss = functional.cross_entropy(logits.float(), wanted.to(logits.device))
        loss.backward()
        gradient = float(torch.nn.utils.clip_grad_norm_(tuned, schedule.most_gradient))
        if not bool(torch.isfinite(loss.detach())):
            raise LossNotFinite(f"The loss of step {number} is no number; use a lower rate.")
        rate = learning_rate_at(number, steps, options)
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
        watch.progress(Step(number, steps, losses[-1], rate, gradient))
    model.eval()
    return Outcome(len(losses), steps, tuple(losses), 0)


def classify(
    classifier: Classifier, model: Model, texts: Sequence[str], options: TrainingOptions
) -> Sequence[Mapping[str, float]]:
    """Tell the probability of each label for each text."""
    told: list[Mapping[str, float]] = []
    model.eval()
    for start in range(0, len(texts), 32):
        with torch.no_grad():
            read = _read(classifier, texts[start : start + 32], options)
            shares = model(**read).logits.float().softmax(dim=1).tolist()
        told += [dict(zip(classifier.labels, row, strict=True)) for row in shares]
    return told


def _read(classifier: Classifier, texts: Sequence[str], options: TrainingOptions) -> Any:  # noqa: ANN401 - transformers' own mapping
    read = classifier.tokenizer(
        list(texts),
        truncation=True,
        max_length=options.data.max_tokens,
        padding=True,
        return_tensors="pt",
    )
    read.pop("token_type_ids", None)
    return read.to(next(classifier.model.parameters()).device)
