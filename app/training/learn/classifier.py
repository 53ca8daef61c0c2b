"""A text classifier: an encoder such as RoBERTa with a classification head.

The text is instruction and input, the label is the answer.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn
from torch.nn import functional

from app.dataset_row import Record
from app.errors import Fault, InvalidInput
from app.evaluation.labels import label_of
from app.training.learn.examples import MicroBatch, TrainingExamples
from app.training.model.base_models import BaseModel
from app.training.plain.encoding import EncodingReport
from app.training.plain.library_types import Model, Tokenizer
from app.training.plain.option_groups import DataOptions

_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text with its label."""

    text: str
    label: str


@dataclass(frozen=True, slots=True)
class EncodedText:
    """A tokenized text with its label."""

    ids: tuple[int, ...]
    label: int
    """Index of the label in the head."""
    cut: int = 0
    """Tokens removed from the end."""

    def __repr__(self) -> str:
        # Part of the fingerprint of checkpoints: another text would orphan those of running jobs.
        return f"Read(ids={self.ids!r}, label={self.label!r}, cut={self.cut!r})"


@dataclass(frozen=True, slots=True)
class Classifier:
    """A model with a classification head."""

    model: Model
    tokenizer: Tokenizer
    labels: tuple[str, ...]
    """Labels by their index in the head."""


def labelled_text(record: Record) -> LabelledText:
    """Return a classification row as text and label.

    Labels that differ only in case, white space or a full stop are the same label.
    """
    return LabelledText(record.request, label_of(record.output))


def count_labels(rows: Sequence[LabelledText]) -> Mapping[str, int]:
    """Return the labels in alphabetical order, each with its number of rows.

    Raises:
        InvalidInput: there are fewer than two labels.
    """
    counts = Counter(row.label for row in rows)
    if len(counts) < 2:
        only = f"; all are {next(iter(counts))!r}" if counts else ""
        fault = Fault(f"{len(rows)} training rows have {len(counts)} labels{only}", field="task")
        raise InvalidInput("A classifier needs at least two labels.", [fault])
    return dict(sorted(counts.items()))


def make_classifier(loaded: BaseModel, labels: Sequence[str]) -> Classifier:
    """Wrap a loaded model with its labels."""
    return Classifier(loaded.model, loaded.tokenizer, tuple(labels))


def encode_texts(
    classifier: Classifier, rows: Sequence[LabelledText], options: DataOptions
) -> tuple[Sequence[EncodedText], EncodingReport]:
    """Tokenize labelled texts; texts that are too long are truncated and counted."""
    number_of = {label: number for number, label in enumerate(classifier.labels)}
    limit = _length_limit(classifier.model, options)
    found = []
    for row in rows:
        ids, cut = _ids(classifier.tokenizer, row.text, limit)
        found.append(EncodedText(ids, number_of[row.label], cut))
    report = EncodingReport(
        rows=len(found),
        kept=len(found),
        truncated=sum(row.cut > 0 for row in found),
        dropped=0,
        tokens=sum(len(row.ids) for row in found),
        tokens_under_loss=len(found),
        tokens_cut=sum(row.cut for row in found),
    )
    return found, report


def label_examples(rows: Sequence[EncodedText]) -> TrainingExamples:
    """Make training examples of texts with labels."""

    def make_micro_batch(numbers: Sequence[int], padding: int) -> MicroBatch:
        some = [rows[number] for number in numbers]
        ids = [row.ids for row in some]
        wanted = torch.tensor([row.label for row in some])
        return MicroBatch(len(some), partial(_summed_loss, ids=ids, wanted=wanted, padding=padding))

    return TrainingExamples(rows, [len(row.ids) for row in rows], make_micro_batch)


def classify(
    classifier: Classifier, texts: Sequence[str], options: DataOptions
) -> Sequence[Mapping[str, float]]:
    """Return the natural log probability of each label, for each text."""
    model, found = classifier.model, list[Mapping[str, float]]()
    was_training = model.training
    model.eval()
    limit = _length_limit(model, options)
    read = [_ids(classifier.tokenizer, text, limit)[0] for text in texts]
    for start in range(0, len(read), _AT_ONCE):
        with torch.no_grad():
            some = read[start : start + _AT_ONCE]
            logits = _logits(model, some, classifier.tokenizer.pad_token_id)
        rows = logits.log_softmax(dim=1).tolist()
        found += [dict(zip(classifier.labels, row, strict=True)) for row in rows]
    model.train(was_training)
    return found


def _summed_loss(
    model: Model, ids: Sequence[Sequence[int]], wanted: torch.Tensor, padding: int
) -> torch.Tensor:
    logits = _logits(model, ids, padding)
    return functional.cross_entropy(logits, wanted.to(logits.device), reduction="sum")


def _logits(model: Model, texts: Sequence[Sequence[int]], padding: int) -> torch.Tensor:
    longest = max(map(len, texts))
    device = next(model.parameters()).device
    ids = [[*text, *[padding] * (longest - len(text))] for text in texts]
    shown = [[1] * len(text) + [0] * (longest - len(text)) for text in texts]
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        logits: torch.Tensor = model(
            input_ids=torch.tensor(ids, device=device),
            attention_mask=torch.tensor(shown, device=device),
        ).logits
    return logits.float()


def _ids(tokenizer: Tokenizer, text: str, limit: int) -> tuple[tuple[int, ...], int]:
    """Return the tokens of a text with special tokens, and the number of tokens cut off."""
    whole = tokenizer(text)["input_ids"]
    if len(whole) <= limit:
        return tuple(whole), 0
    return tuple(tokenizer(text, truncation=True, max_length=limit)["input_ids"]), len(
        whole
    ) - limit


def _length_limit(model: Model, options: DataOptions) -> int:
    """Return the longest text in tokens: the limit of the options or of the position embeddings."""
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            # RoBERTa's positions start after the index of the padding token.
            before = 0 if module.padding_idx is None else module.padding_idx + 1
            positions: int = module.num_embeddings - before
            return min(options.max_tokens, positions)
    return options.max_tokens
