"""The training loop."""

import importlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import torch

from app.errors import LossNotFinite
from app.training.learn import checkpoints
from app.training.learn.batches import sequence_order
from app.training.learn.checkpoints import Checkpoint
from app.training.learn.examples import MicroBatch, TrainingExamples
from app.training.model.device import device_errors_as_failures
from app.training.model.methods import AdaptedModel
from app.training.plain.library_types import Model
from app.training.plain.option_groups import ScheduleOptions
from app.training.plain.options import TrainingOptions

_ORTHOGONALITY = 0.5
"""Weight of AdaLoRA's orthogonality loss (AdaLoRA, section 3.1), as in the code of its authors."""


@dataclass(frozen=True, slots=True)
class Step:
    """A finished optimizer step."""

    number: int
    """1-based."""
    of: int
    """Total number of steps."""
    loss: float
    """Mean cross entropy of the loss tokens, or labels, of the step, in nats, before the update."""
    learning_rate: float
    gradient: float
    """Gradient norm before clipping."""


@dataclass(frozen=True, slots=True)
class TrainingHooks:
    """Callbacks of the training loop."""

    on_step: Callable[[Step], None] = field(default=lambda _: None)
    """Called after each step."""
    should_stop: Callable[[], bool] = field(default=lambda: False)
    """Called before each micro-batch; True stops the training with a checkpoint."""


@dataclass(frozen=True, slots=True)
class TrainingOutcome:
    """The result of a training."""

    steps: int
    """Optimizer steps in total, including those before a resume."""
    of: int
    """Planned number of steps."""
    losses: tuple[float, ...]
    """Loss of each step, in nats."""
    resumed_from: int
    """Step of the checkpoint it resumed from; 0: from the start."""

    @property
    def stopped(self) -> bool:
        """Return True when it was stopped before its end."""
        return self.steps < self.of


def count_steps(sequences: int, schedule: ScheduleOptions) -> int:
    """Return the number of optimizer steps."""
    if schedule.steps is not None:
        return schedule.steps
    return max(1, math.ceil(schedule.epochs * sequences / schedule.batch))


def learning_rate_at(step: int, steps: int, options: TrainingOptions) -> float:
    """Return the learning rate of a step (1-based): linear warm-up, then the schedule's decay."""
    schedule, highest = options.schedule, options.learning_rate
    warmup = int(schedule.warmup_share * steps)
    if step <= warmup:
        return highest * step / (warmup + 1)
    gone = (step - 1 - warmup) / max(1, steps - warmup)
    if schedule.shape == "linear":
        return highest * (1 - gone)
    if schedule.shape == "cosine":
        return highest * (1 + math.cos(math.pi * gone)) / 2
    return highest


def learn(
    adapted: AdaptedModel,
    examples: TrainingExamples,
    options: TrainingOptions,
    folder: Path,
    hooks: TrainingHooks,
) -> TrainingOutcome:
    """Train a model in place, from the last checkpoint in the folder or from the start.

    Safe to repeat: killed at any moment and called again with the same arguments, it ends with the
    weights of an undisturbed run.

    Raises:
        Conflict: the checkpoints belong to other rows or options.
        LossNotFinite: a loss or gradient is NaN or infinite; the weights before it are kept.
        MemoryTooSmall: a batch does not fit.
        OutOfSpace: a checkpoint cannot be written; earlier ones are kept.
        TrainingError: the GPU was lost.
    """
    steps, batch = count_steps(len(examples), options.schedule), options.schedule.batch
    mark = checkpoints.fingerprint(options, examples)
    batch_name = f"A batch of {options.schedule.micro_batch} times {options.data.max_tokens} tokens"
    with device_errors_as_failures(
        batch_name, "The last checkpoint is kept; use a smaller micro_batch."
    ):
        tuning = _Tuning(adapted, options, folder, mark)
        resumed = tuning.resume()
        order = islice(sequence_order(len(examples), options.seed), resumed * batch, None)
        for number in range(resumed + 1, steps + 1):
            learning_rate = learning_rate_at(number, steps, options)
            parts = tuning.micro_batches(examples, list(islice(order, batch)))
            step = tuning.step(parts, learning_rate, hooks)
            if step is None:
                tuning.save()
                break
            loss, gradient = step
            if number % options.schedule.checkpoint_every == 0 or number == steps:
                tuning.save()
            hooks.on_step(Step(number, steps, loss, learning_rate, gradient))
    adapted.model.eval()
    return TrainingOutcome(len(tuning.losses), steps, tuple(tuning.losses), resumed)


class _Tuning:
    """Model, optimizer and random state during a training."""

    def __init__(
        self, adapted: AdaptedModel, options: TrainingOptions, folder: Path, mark: str
    ) -> None:
        self._model = adapted.model
        self._method = adapted.method.name
        self._options = options
        self._folder = folder
        self._mark = mark
        self._trained = [one for one in self._model.parameters() if one.requires_grad]
        self._optimizer = self._make_optimizer()
        self._padding = self._model.config.pad_token_id or 0
        self.losses: list[float] = []
        self._kept = 0
        """Step of the last checkpoint; 0 without one."""

    def resume(self) -> int:
        """Restore the last checkpoint; return its step, or 0 without one."""
        self._model.train()
        torch.manual_seed(self._options.seed)
        self._random = checkpoints.random_states()
        found = checkpoints.latest(self._folder, self._mark)
        if found is None:
            return 0
        checkpoints.set_tuned_weights(self._model, found.tuned)
        checkpoints.set_rank_allocator_state(self._model, found.ranks)
        self._optimizer.load_state_dict(dict(found.optimizer))
        checkpoints.set_random_states(found.random)
        self._random = found.random
        self.losses = list(found.losses)
        self._kept = found.step
        return found.step

    def save(self) -> None:
        """Write a checkpoint of the last full step."""
        content = Checkpoint(
            step=len(self.losses),
            losses=self.losses,
            tuned=checkpoints.tuned_weights(self._model),
            optimizer=self._optimizer.state_dict(),
            random=self._random,
            ranks=checkpoints.rank_allocator_state(self._model),
        )
        checkpoints.save(self._folder, content, self._mark)
        self._kept = content.step

    def micro_batches(
        self, examples: TrainingExamples, numbers: Sequence[int]
    ) -> Sequence[MicroBatch]:
        """Split the sequences of a step into micro-batches."""
        # Sequences of similar length need little padding, and a sum does not depend on the order.
        numbers = sorted(numbers, key=lambda number: -examples.lengths[number])
        size = self._options.schedule.micro_batch
        return [
            examples.make_micro_batch(numbers[start : start + size], self._padding)
            for start in range(0, len(numbers), size)
        ]

    def step(
        self, parts: Sequence[MicroBatch], learning_rate: float, hooks: TrainingHooks
    ) -> tuple[float, float] | None:
        """Make an optimizer step; return loss and gradient norm, or None when stopped."""
        loss_tokens = sum(part.loss_tokens for part in parts)
        loss = 0.0
        for part in parts:
            if hooks.should_stop():
                self._optimizer.zero_grad()
                return None
            part_loss = part.summed_loss(self._model) / loss_tokens
            part_loss.backward()
            loss += float(part_loss.detach())
        if self._method == "adalora":
            (_ORTHOGONALITY * orthogonality_loss(self._model)).backward()
        gradient = float(
            torch.nn.utils.clip_grad_norm_(self._trained, self._options.schedule.most_gradient)
        )
        if not (math.isfinite(loss) and math.isfinite(gradient)):
            raise LossNotFinite(self._loss_message(loss, gradient))
        self._update(learning_rate)
        self.losses.append(loss)
        self._random = checkpoints.random_states()
        return loss, gradient

    def _update(self, learning_rate: float) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        self._optimizer.step()
        if self._method == "adalora":
            # Uses the gradients, so it must run before they are cleared.
            self._model.base_model.update_and_allocate(len(self.losses))
        self._optimizer.zero_grad()

    def _make_optimizer(self) -> torch.optim.Optimizer:
        options = {"lr": self._options.learning_rate}
        options["weight_decay"] = self._options.schedule.weight_decay
        if self._method == "qlora" and self._trained[0].device.type == "cuda":
            # Paged moments leave the GPU memory while a long batch needs it.
            return importlib.import_module("bitsandbytes.optim").PagedAdamW32bit(
                self._trained, **options
            )
        return torch.optim.AdamW(self._trained, **options)

    def _loss_message(self, loss: float, gradient: float) -> str:
        kept = "no checkpoint was written yet"
        if self._kept:
            kept = f"the checkpoint of step {self._kept} is kept"
        return (
            f"The loss of step {len(self.losses) + 1} is {loss} and its gradient {gradient}: "
            f"{kept}. Try a lower learning rate."
        )


def orthogonality_loss(model: Model) -> torch.Tensor:
    """Return AdaLoRA's mean distance of its directions from orthogonal ones of length 1."""
    distances = [
        torch.linalg.matrix_norm(_products(name, one) - torch.eye(min(one.shape)).to(one))
        for name, one in model.named_parameters()
        if one.requires_grad and ("lora_A" in name or "lora_B" in name)
    ]
    return torch.stack(distances).mean()


def _products(name: str, directions: torch.Tensor) -> torch.Tensor:
    """Return the Gram matrix of the directions: rows of lora_A, columns of lora_B."""
    return directions @ directions.T if "lora_A" in name else directions.T @ directions
