"""What a model makes of a batch: the loss over the tokens it is to learn, and nothing else."""

import inspect
from collections.abc import Collection, Iterator, Sequence
from functools import partial

import torch
from torch.nn import functional

from app.training.learn.batches import Batch, Pack, batch_of
from app.training.learn.examples import Lessons, Portion
from app.training.plain.encoding import NO_LOSS, Encoded
from app.training.plain.library_types import Model

_ALIKE = 1e-4
"""What no mask lets through is nothing, so that hardly any rounding differs."""


def answer_lessons(packs: Sequence[Pack]) -> Lessons:
    """Have a model learn the answers of rows."""

    def portion(places: Sequence[int], padding: int) -> Portion:
        batch = batch_of([packs[place] for place in places], padding)
        return Portion(batch.under_loss, partial(summed_loss, batch=batch))

    return Lessons(packs, [sum(len(row.ids) for row in pack) for pack in packs], portion)


def summed_loss(model: Model, batch: Batch) -> torch.Tensor:
    """The cross entropies in nats, summed over the tokens under loss."""
    logits, targets = _foretold(model, batch)
    return functional.cross_entropy(
        logits.flatten(0, 1), targets.flatten(), ignore_index=NO_LOSS, reduction="sum"
    )


def log_probabilities(
    model: Model, rows: Sequence[Encoded], padding: int, at_once: int = 8
) -> Iterator[tuple[float, ...]]:
    """Yield, for each row, the logarithm of the probability of each of its tokens under loss."""
    was_tuned = model.training
    model.eval()
    for start in range(0, len(rows), at_once):
        batch = batch_of([(row,) for row in rows[start : start + at_once]], padding)
        with torch.no_grad():
            logits, targets = _foretold(model, batch)
            losses = functional.cross_entropy(
                logits.transpose(1, 2), targets, ignore_index=NO_LOSS, reduction="none"
            )
        for row, wanted in zip(losses.tolist(), targets.tolist(), strict=True):
            yield tuple(-loss for loss, token in zip(row, wanted, strict=True) if token != NO_LOSS)
    model.train(was_tuned)


def _foretold(model: Model, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """What the model makes of the places that count, and what should stand there."""
    device = next(model.parameters()).device
    inputs = {"input_ids": batch.ids.to(device), "attention_mask": batch.attention.to(device)}
    if batch.places is not None:
        inputs["position_ids"] = batch.places.to(device)
        inputs["attention_mask"] = inputs["attention_mask"].to(_computed_in(model, device))
    targets = batch.targets.to(device)
    taken = _arguments_of(model)
    if "use_cache" in taken:
        # Keys and values are kept for whoever goes on with a text; nobody does here.
        inputs["use_cache"] = False
    if "logits_to_keep" in taken:
        # Most places have nothing to foretell; a vocabulary's width of numbers for each is saved.
        places = batch.kept_places.to(device)
        inputs["logits_to_keep"] = places
        targets = targets[:, places]
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        logits = model(**inputs).logits
    return logits.float(), targets


def mean_loss(model: Model, packs: Sequence[Pack], padding: int, at_once: int = 8) -> float:
    """The mean cross entropy of a token under loss; its exponential is the perplexity."""
    was_tuned = model.training
    model.eval()
    total, tokens = 0.0, 0
    for start in range(0, len(packs), at_once):
        batch = batch_of(packs[start : start + at_once], padding)
        with torch.no_grad():
            total += float(summed_loss(model, batch))
        tokens += batch.under_loss
    model.train(was_tuned)
    return total / tokens


def _computed_in(model: Model, device: torch.device) -> torch.dtype:
    if device.type == "cuda":
        return torch.bfloat16
    kept: torch.dtype = next(model.parameters()).dtype
    return kept


def sees_rows_apart(model: Model) -> bool:
    """Whether a row in a pack is foretold without regard to the one before it.

    It is tried out: layers that hand on a state (Mamba's, convolutions) pass over the mask.
    """
    if "position_ids" not in _arguments_of(model):
        return False
    row, was_tuned = tuple(range(8)), model.training
    after = Encoded(row, row)
    model.eval()
    told = []
    for token in (3, 5):
        before = Encoded((token,) * len(row), (NO_LOSS,) * len(row))
        try:
            with torch.no_grad():
                told.append(_foretold(model, batch_of([(before, after)], 0))[0])
        except (RuntimeError, TypeError, ValueError, IndexError):
            # It takes no mask of this kind.
            return False
    model.train(was_tuned)
    one, other = told
    return float((one - other).abs().max()) <= _ALIKE * float(one.std())


def _arguments_of(model: Model) -> Collection[str]:
    """What a model's forward takes by name, and is not minded by what was put on it."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    if getattr(getattr(model, "active_peft_config", None), "is_prompt_learning", False):
        # The prefix's places come first only inside, as keys and values; they are not ours.
        return ()
    return inspect.signature(inner.forward).parameters
