"""Tuning itself, step by step: read it from top to bottom."""

import importlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import torch

from app.errors import LossNotFinite
from app.training.learn import checkpoints
from app.training.learn.batches import Pack, endless
from app.training.learn.checkpoints import Checkpoint
from app.training.learn.examples import Lessons, Portion
from app.training.learn.loss import answer_lessons
from app.training.model.device_errors import device_troubles_told
from app.training.model.methods import Adapted
from app.training.plain.options import ScheduleOptions, TrainingOptions

_ORTHOGONALITY = 0.5
"""How much AdaLoRA's directions are held at right angles, as in its paper's code."""


@dataclass(frozen=True, slots=True)
class Step:
    """One update of the weights, as told to whoever watches."""

    number: int
    """1-based."""
    of: int
    loss: float
    """Mean cross entropy of the step's tokens under loss, or labels, in nats, before the update."""
    learning_rate: float
    gradient: float
    """Its length, before it was shortened."""


@dataclass(frozen=True, slots=True)
class Watch:
    """How tuning speaks with whoever started it."""

    progress: Callable[[Step], None] = field(default=lambda _: None)
    """Called after each step."""
    stop: Callable[[], bool] = field(default=lambda: False)
    """Asked before each micro-batch; True ends tuning there, with a checkpoint."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How tuning ended."""

    steps: int
    """Updates made in all, those before a resume among them."""
    of: int
    losses: tuple[float, ...]
    """Of each step."""
    resumed_from: int
    """The step of the checkpoint it went on from; 0: it began."""

    @property
    def stopped(self) -> bool:
        """Whether it was stopped before its end."""
        return self.steps < self.of


def steps_of(sequences: int, schedule: ScheduleOptions) -> int:
    """How many updates there will be."""
    if schedule.steps is not None:
        return schedule.steps
    return max(1, math.ceil(schedule.epochs * sequences / schedule.batch))


def learning_rate_at(step: int, steps: int, options: TrainingOptions) -> float:
    """The learning rate of a step (1-based): up from zero, then down in the schedule's shape."""
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


def tune(
    adapted: Adapted,
    packs: Sequence[Pack],
    options: TrainingOptions,
    folder: Path,
    watch: Watch,
) -> Outcome:
    """Tune a model in place to answer as rows do: `learn` of such lessons."""
    return learn(adapted, answer_lessons(packs), options, folder, watch)


def learn(
    adapted: Adapted,
    lessons: Lessons,
    options: TrainingOptions,
    folder: Path,
    watch: Watch,
) -> Outcome:
    """Tune a model in place, from the last checkpoint in the folder or from the start.

    Safe to repeat: killed at any moment and called again with the same arguments, it ends with the
    weights of an undisturbed run.

    Raises:
        Conflict: when the checkpoints belong to other rows or options.
        LossNotFinite: at the first loss or gradient that is no number; the weights before it stay.
        MemoryTooSmall: when a batch does not fit.
        OutOfSpace: when a checkpoint cannot be written; the ones before it are whole.
        TrainingTrouble: when the GPU is lost.
    """
    steps, batch = steps_of(len(lessons), options.schedule), options.schedule.batch
    mark = checkpoints.fingerprint(options, lessons)
    size = f"A batch of {options.schedule.micro_batch} times {options.data.max_tokens} tokens"
    with device_troubles_told(
        size, "The last checkpoint is kept; a smaller micro_batch takes less."
    ):
        tuning = _Tuning(adapted, options, folder, mark)
        resumed = tuning.resume()
        order = islice(endless(len(lessons), options.seed), resumed * batch, None)
        for number in range(resumed + 1, steps + 1):
            learning_rate = learning_rate_at(number, steps, options)
            parts = tuning.parts_of(lessons, list(islice(order, batch)))
            step = tuning.step(parts, learning_rate, watch)
            if step is None:
                tuning.save()
                break
            loss, gradient = step
            if number % options.schedule.checkpoint_every == 0 or number == steps:
                tuning.save()
            watch.progress(Step(number, steps, loss, learning_rate, gradient))
    adapted.model.eval()
    return Outcome(len(tuning.losses), steps, tuple(tuning.losses), resumed)


class _Tuning:
    """The weights under way, and all that goes with them from step to step."""

    def __init__(self, adapted: Adapted, options: TrainingOptions, folder: Path, mark: str) -> None:
        self._model = adapted.model
        self._method = adapted.method.name
        self._options = options
        self._folder = folder
        self._mark = mark
        self._tuned = [one for one in self._model.parameters() if one.requires_grad]
        self._optimizer = self._make_optimizer()
        self._padding = getattr(self._model.config, "pad_token_id", None) or 0
        self.losses: list[float] = []
        self._kept = 0
        """The step of the last checkpoint; 0: there is none."""

    def resume(self) -> int:
        """Go on from the last checkpoint; tells its step, 0 without one."""
        self._model.train()
        torch.manual_seed(self._options.seed)
        self._random = checkpoints.random_states()
        found = checkpoints.latest(self._folder, self._mark)
        if found is None:
            return 0
        checkpoints.set_tuned_weights(self._model, found.tuned)
        checkpoints.set_rank_memory(self._model, found.ranks)
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
            ranks=checkpoints.rank_memory(self._model),
        )
        checkpoints.save(self._folder, content, self._mark)
        self._kept = content.step

    def parts_of(self, lessons: Lessons, places: Sequence[int]) -> Sequence[Portion]:
        """What is in memory at a time, of the sequences of an update."""
        # Those of like length side by side need little padding; sums do not mind the order.
        places = sorted(places, key=lambda place: -lessons.lengths[place])
        most = self._options.schedule.micro_batch
        return [
            lessons.portion(places[start : start + most], self._padding)
            for start in range(0, len(places), most)
        ]

    def step(
        self, parts: Sequence[Portion], learning_rate: float, watch: Watch
    ) -> tuple[float, float] | None:
        """Make an update and tell its loss and gradient; None: stopped, and nothing was changed."""
        under_loss = sum(part.under_loss for part in parts)
        loss = 0.0
        for part in parts:
            if watch.stop():
                self._optimizer.zero_grad()
                return None
            part_loss = part.summed_loss(self._model) / under_loss
            part_loss.backward()
            loss += float(part_loss.detach())
        self._hold_directions()
        gradient = float(
            torch.nn.utils.clip_grad_norm_(self._tuned, self._options.schedule.most_gradient)
        )
        if not (math.isfinite(loss) and math.isfinite(gradient)):
            raise LossNotFinite(self._what_is_kept(loss, gradient))
        self._update(learning_rate)
        self.losses.append(loss)
        self._random = checkpoints.random_states()
        return loss, gradient

    def _update(self, learning_rate: float) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        self._optimizer.step()
        if self._method == "adalora":
            # Reads the gradients, so it must come before they are forgotten.
            self._model.base_model.update_and_allocate(len(self.losses))
        self._optimizer.zero_grad()

    def _hold_directions(self) -> None:
        """Add the gradient of AdaLoRA's second aim: directions at right angles to each other."""
        if self._method != "adalora":
            return
        apart = [
            torch.linalg.matrix_norm(_products(name, one) - torch.eye(min(one.shape)).to(one))
            for name, one in self._model.named_parameters()
            if one.requires_grad and ("lora_A" in name or "lora_B" in name)
        ]
        (_ORTHOGONALITY * torch.stack(apart).mean()).backward()

    def _make_optimizer(self) -> torch.optim.Optimizer:
        options = {"lr": self._options.learning_rate}
        options["weight_decay"] = self._options.schedule.weight_decay
        if self._method == "qlora" and self._tuned[0].device.type == "cuda":
            # Its moments leave the GPU's memory while a long batch needs the room.
            return importlib.import_module("bitsandbytes.optim").PagedAdamW32bit(
                self._tuned, **options
            )
        return torch.optim.AdamW(self._tuned, **options)

    def _what_is_kept(self, loss: float, gradient: float) -> str:
        kept = "no checkpoint was due yet"
        if self._kept:
            kept = f"the checkpoint of step {self._kept} is kept"
        return (
            f"The loss of step {len(self.losses) + 1} is {loss} and its gradient {gradient}: "
            f"{kept}. A lower learning rate is the first thing to try."
        )


def _products(name: str, directions: torch.Tensor) -> torch.Tensor:
    """Each direction by each; those of lora_A are rows, those of lora_B columns."""
    return directions @ directions.T if "lora_A" in name else directions.T @ directions
