"""An encoder with a head of labels, tuned by LoRA on query and value: RoBERTa and its kin.

The text is instruction and input, and the label is the answer. Any model will do that transformers
can put such a head on.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn
from torch.nn import functional

from app.errors import Fault, InvalidInput
from app.evaluation.labels import label_of
from app.record import Record
from app.training.learn.examples import Lessons, Portion
from app.training.model.base_models import BaseModel
from app.training.plain.encoding import EncodingReport
from app.training.plain.library_types import Model, Tokenizer
from app.training.plain.options import DataOptions

_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text and what it is."""

    text: str
    label: str


@dataclass(frozen=True, slots=True)
class Read:
    """A labelled text as an encoder reads it."""

    ids: tuple[int, ...]
    label: int
    """Its number in the head."""
    cut: int = 0
    """Tokens that were cut off its end."""


@dataclass(frozen=True, slots=True)
class Classifier:
    """An encoder that tells labels."""

    model: Model
    tokenizer: Tokenizer
    labels: tuple[str, ...]
    """By their number in the head."""


def labelled(record: Record) -> Labelled:
    """A classification instance as a text with its label.

    Labels that differ in case, blanks or a full stop are one.
    """
    return Labelled(record.request, label_of(record.output))


def labels_of(rows: Sequence[Labelled]) -> Mapping[str, int]:
    """The labels that there are, in the alphabet's order, with the number of their rows.

    Raises:
        InvalidInput: when there are fewer than two, so that there is nothing to tell apart.
    """
    counts = Counter(row.label for row in rows)
    if len(counts) < 2:
        only = f"; all are {next(iter(counts))!r}" if counts else ""
        told = Fault(f"{len(rows)} rows to learn have {len(counts)} labels{only}", field="task")
        raise InvalidInput("A classifier needs two labels or more.", [told])
    return dict(sorted(counts.items()))


def classifier_of(loaded: BaseModel, labels: Sequence[str]) -> Classifier:
    """Take a model that was loaded to tell these labels."""
    config = loaded.model.config
    if config.pad_token_id is None:
        # A decoder tells by a text's last token, and must know which those of the padding are.
        config.pad_token_id = loaded.tokenizer.pad_token_id
    return Classifier(loaded.model, loaded.tokenizer, tuple(labels))


def read_all(
    classifier: Classifier, rows: Sequence[Labelled], options: DataOptions
) -> tuple[Sequence[Read], EncodingReport]:
    """Tokenize labelled texts; what is too long loses its end, and is counted."""
    number_of = {label: number for number, label in enumerate(classifier.labels)}
    room = _room(classifier.model, options)
    found = []
    for row in rows:
        ids, cut = _ids(classifier.tokenizer, row.text, room)
        found.append(Read(ids, number_of[row.label], cut))
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


def label_lessons(rows: Sequence[Read]) -> Lessons:
    """Have a model learn the labels of texts."""

    def portion(places: Sequence[int], padding: int) -> Portion:
        some = [rows[place] for place in places]
        ids = [row.ids for row in some]
        wanted = torch.tensor([row.label for row in some])
        return Portion(len(some), partial(_summed_loss, ids=ids, wanted=wanted, padding=padding))

    return Lessons(rows, [len(row.ids) for row in rows], portion)


def classify(
    classifier: Classifier, texts: Sequence[str], options: DataOptions
) -> Sequence[Mapping[str, float]]:
    """Tell the natural logarithm of the probability of each label for each text."""
    model, told = classifier.model, list[Mapping[str, float]]()
    was_tuned = model.training
    model.eval()
    room = _room(model, options)
    read = [_ids(classifier.tokenizer, text, room)[0] for text in texts]
    for start in range(0, len(read), _AT_ONCE):
        with torch.no_grad():
            some = read[start : start + _AT_ONCE]
            logits = _logits(model, some, classifier.tokenizer.pad_token_id)
        rows = logits.log_softmax(dim=1).tolist()
        told += [dict(zip(classifier.labels, row, strict=True)) for row in rows]
    model.train(was_tuned)
    return told


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


def _ids(tokenizer: Tokenizer, text: str, most: int) -> tuple[tuple[int, ...], int]:
    """The text's tokens within the tokenizer's own marks, and how many were cut off."""
    whole = tokenizer(text)["input_ids"]
    if len(whole) <= most:
        return tuple(whole), 0
    return tuple(tokenizer(text, truncation=True, max_length=most)["input_ids"]), len(whole) - most


def _room(model: Model, options: DataOptions) -> int:
    """A text's most tokens: an encoder has a place for no more than it was made with."""
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            # RoBERTa's places begin behind that of the padding.
            before = 0 if module.padding_idx is None else module.padding_idx + 1
            places: int = module.num_embeddings - before
            return min(options.max_tokens, places)
    return options.max_tokens
