"""The loss of a batch, over the tokens of the answers only."""

import inspect
from collections.abc import Collection, Iterator, Sequence
from functools import partial

import torch
from torch.nn import functional

from app.training.learn.batches import Batch, Pack, make_batch
from app.training.learn.examples import MicroBatch, TrainingExamples
from app.training.plain.encoding import NO_LOSS, Encoded
from app.training.plain.library_types import Model

_ALIKE = 1e-4
"""Allowed difference in standard deviations; masked positions leave only rounding errors."""


def answer_examples(packs: Sequence[Pack]) -> TrainingExamples:
    """Make training examples of rows with answers."""

    def make_micro_batch(numbers: Sequence[int], padding: int) -> MicroBatch:
        batch = make_batch([packs[number] for number in numbers], padding)
        return MicroBatch(batch.loss_tokens, partial(summed_loss, batch=batch))

    return TrainingExamples(
        packs, [sum(len(row.ids) for row in pack) for pack in packs], make_micro_batch
    )


def summed_loss(model: Model, batch: Batch) -> torch.Tensor:
    """Return the sum of the cross entropies over the loss tokens, in nats (float32 scalar)."""
    logits, targets = _logits_and_targets(model, batch)
    return functional.cross_entropy(
        logits.flatten(0, 1), targets.flatten(), ignore_index=NO_LOSS, reduction="sum"
    )


def log_probabilities(
    model: Model, rows: Sequence[Encoded], padding: int, batch_size: int = 8
) -> Iterator[tuple[float, ...]]:
    """Yield, for each row, the natural log probability of each of its loss tokens."""
    was_training = model.training
    model.eval()
    for start in range(0, len(rows), batch_size):
        batch = make_batch([(row,) for row in rows[start : start + batch_size]], padding)
        with torch.no_grad():
            logits, targets = _logits_and_targets(model, batch)
            losses = functional.cross_entropy(
                logits.transpose(1, 2), targets, ignore_index=NO_LOSS, reduction="none"
            )
        for row, wanted in zip(losses.tolist(), targets.tolist(), strict=True):
            yield tuple(-loss for loss, token in zip(row, wanted, strict=True) if token != NO_LOSS)
    model.train(was_training)


def _logits_and_targets(model: Model, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Run the model; return float32 [sequences, n, vocabulary] and int64 [sequences, n]."""
    device = next(model.parameters()).device
    inputs = {"input_ids": batch.ids.to(device), "attention_mask": batch.attention.to(device)}
    if batch.positions is not None:
        inputs["position_ids"] = batch.positions.to(device)
        inputs["attention_mask"] = inputs["attention_mask"].to(_computed_in(model, device))
    targets = batch.targets.to(device)
    taken = _arguments_of(model)
    if "use_cache" in taken:
        # A cache of keys and values would not be used.
        inputs["use_cache"] = False
    if "logits_to_keep" in taken:
        # Most positions have no target; computing logits only for the others saves memory.
        positions = batch.loss_positions.to(device)
        inputs["logits_to_keep"] = positions
        targets = targets[:, positions]
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        logits = model(**inputs).logits
    return logits.float(), targets


def _computed_in(model: Model, device: torch.device) -> torch.dtype:
    if device.type == "cuda":
        return torch.bfloat16
    kept: torch.dtype = next(model.parameters()).dtype
    return kept


def isolates_packed_rows(model: Model) -> bool:
    """Return True when the logits of a packed row do not depend on the row before it.

    This is tested by running the model: layers that pass on a state (Mamba, convolutions) ignore
    the attention mask.
    """
    if "position_ids" not in _arguments_of(model):
        return False
    row, was_training = tuple(range(8)), model.training
    after = Encoded(row, row)
    model.eval()
    runs = []
    for token in (3, 5):
        before = Encoded((token,) * len(row), (NO_LOSS,) * len(row))
        try:
            with torch.no_grad():
                runs.append(_logits_and_targets(model, make_batch([(before, after)], 0))[0])
        except (RuntimeError, TypeError, ValueError, IndexError):
            # It does not accept this kind of mask.
            return False
    model.train(was_training)
    first, second = runs
    return float((first - second).abs().max()) <= _ALIKE * float(first.std())


def _arguments_of(model: Model) -> Collection[str]:
    """Return the argument names of the forward method of the base model below an adapter."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    if getattr(getattr(model, "active_peft_config", None), "is_prompt_learning", False):
        # peft adds the positions of the prefix inside, as keys and values.
        return ()
    return inspect.signature(inner.forward).parameters
