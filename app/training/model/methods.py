"""The tuning methods: adapters of peft, and full tuning.

LoRA (arXiv 2106.09685, section 4.1), rsLoRA (2312.03732), DoRA (2402.09353), QLoRA (2305.14314,
section 3), AdaLoRA (2303.10512, section 3), prefix tuning (2101.00190, section 4), IA3
(2205.05638, section 3.3), and the bottleneck adapters of `app.training.model.bottleneck`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from peft import (
    AdaLoraConfig,
    IA3Config,
    LoraConfig,
    PrefixTuningConfig,
    get_peft_model,
    prepare_model_for_kbit_training,
)
from torch import nn

from app.errors import Fault, InvalidInput
from app.training.model.bottleneck import BottleneckConfig
from app.training.model.targets import SCALED_BY_IA3, Targets, linear_modules, target_modules
from app.training.plain.library_types import Model
from app.training.plain.option_groups import MethodOptions

_HEADS = ("classifier", "score")


@dataclass(frozen=True, slots=True)
class ParameterCount:
    """Trained parameters among all parameters of a model."""

    tuned: int
    total: int
    """All parameters, including those of the adapter."""

    @property
    def share(self) -> float:
        """Return trained parameters divided by all parameters."""
        return self.tuned / self.total


@dataclass(frozen=True, slots=True)
class AdaptedModel:
    """A model ready for training."""

    model: Model
    method: MethodOptions
    targets: Targets
    """Names of the adapted modules; empty for `prefix` and `full`."""
    parameters: ParameterCount


def adapt(
    model: Model,
    method: MethodOptions,
    steps: int,
    task: str = "CAUSAL_LM",
    new_modules: Sequence[str] = (),
) -> AdaptedModel:
    """Add the adapter of a method; the output of the model stays the same, except for `prefix`.

    Args:
        model: Changed in place.
        method: Method and hyperparameters.
        steps: Number of optimizer steps; AdaLoRA schedules its rank budget over them.
        task: Task type in peft: `CAUSAL_LM` or `SEQ_CLS`.
        new_modules: Modules with random weights; they are trained as a whole and saved with the
            adapter.

    Raises:
        InvalidInput: the model lacks the target modules; the message names those it has.
    """
    if method.name == "full":
        model.requires_grad_(requires_grad=True)
        return AdaptedModel(model, method, (), count_parameters(model))
    if method.name == "prefix":
        adapted = _with_prefix(model, method, task)
        return AdaptedModel(adapted, method, (), count_parameters(adapted))
    if method.name == "qlora":
        # Gradient checkpointing was decided when the model was loaded.
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    targets = target_modules(model, method)
    config = _config(model, method, targets, steps)
    config.task_type = task
    # peft recognizes heads by common names; it would neither train nor save any other.
    config.modules_to_save = [name for name in new_modules if not name.endswith(_HEADS)] or None
    try:
        adapted = get_peft_model(model, config)
    except ValueError as error:
        fault = Fault(str(error), field="method.targets")
        raise InvalidInput("The model can't be adapted there.", [fault]) from error
    return AdaptedModel(
        adapted,
        method,
        tuple(sorted(set(adapted.targeted_module_names))),
        count_parameters(adapted),
    )


def _with_prefix(model: Model, method: MethodOptions, task: str) -> Model:
    """Add a prefix, and try it: it needs a model with keys and values of one size in all layers.

    Raises:
        InvalidInput: the architecture has none.
    """
    config = PrefixTuningConfig(task_type=task, num_virtual_tokens=method.virtual_tokens)
    architecture, was_training = type(model).__name__, model.training
    try:
        adapted = get_peft_model(model, config).eval()
        ids = torch.zeros((1, 2), dtype=torch.int64, device=next(model.parameters()).device)
        with torch.no_grad():
            adapted(input_ids=ids, attention_mask=torch.ones_like(ids))
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, ValueError, TypeError, AttributeError, IndexError, KeyError) as error:
        fault = Fault(f"its keys and values can't have a prefix ({error})", field="method.name")
        raise InvalidInput(f"{architecture} can't be tuned with a prefix.", [fault]) from error
    return adapted.train(was_training)


def count_parameters(model: Model) -> ParameterCount:
    """Count the parameters of a model, and those that are trained."""
    every = list(model.parameters())
    # A 4-bit matrix holds two weights per byte, and stores its real shape.
    total = sum(parameter_size(weights) for weights in every)
    return ParameterCount(
        sum(parameter_size(weights) for weights in every if weights.requires_grad), total
    )


def uninitialized_modules(model: Model, names: Collection[str]) -> Sequence[str]:
    """Return the outermost modules whose parameters are all among the given names."""
    found: list[str] = []
    for name, module in model.named_modules():
        own = [f"{name}.{each}" for each, _ in module.named_parameters()]
        is_within = any(name.startswith(f"{outer}.") for outer in found)
        if name and own and not is_within and all(one in names for one in own):
            found.append(name)
    return tuple(found)


def adapter_ranks(model: Model) -> Mapping[str, int]:
    """Return the rank of each adapted module; with AdaLoRA they differ after training."""
    found: dict[str, int] = {}
    for name, module in model.named_modules():
        if isinstance(getattr(module, "lora_E", None), nn.ParameterDict) and module.lora_E:
            # AdaLoRA removes a direction by setting its weight to zero.
            found[name] = int((next(iter(module.lora_E.values())) != 0).sum())
        elif isinstance(getattr(module, "lora_A", None), nn.ModuleDict) and module.lora_A:
            found[name] = next(iter(module.lora_A.values())).weight.shape[0]
    return {name.removeprefix("base_model.model."): rank for name, rank in found.items()}


def _config(model: Model, method: MethodOptions, targets: Targets, steps: int) -> Any:  # noqa: ANN401 - one of peft's
    if method.name == "bottleneck":
        return BottleneckConfig(
            target_modules=list(targets),
            reduction_factor=method.reduction_factor,
            activation=method.activation,
            dropout=method.dropout,
        )
    # GPT-2 stores its matrices transposed.
    transposed = any(type(module).__name__ == "Conv1D" for _, module in linear_modules(model))
    if method.name == "ia3":
        known = {name for _, inputs in SCALED_BY_IA3 for name in inputs}
        fed = [target for target in targets if target in known]
        return IA3Config(
            target_modules=list(targets), feedforward_modules=fed, fan_in_fan_out=transposed
        )
    numbers = {
        "target_modules": list(targets),
        "lora_alpha": method.alpha,
        "lora_dropout": method.dropout,
        "fan_in_fan_out": transposed,
    }
    if method.name == "adalora":
        return AdaLoraConfig(**numbers, **_budget(method, steps))
    return LoraConfig(
        **numbers,
        r=method.effective_rank,
        use_rslora=method.name == "rslora",
        use_dora=method.name == "dora",
    )


def _budget(method: MethodOptions, steps: int) -> Mapping[str, Any]:
    """Return the rank schedule of AdaLoRA: a tenth of the steps before, three tenths after it."""
    # The final reduction to the exact budget happens at the first step after.
    before, after = steps // 10, max(1, steps * 3 // 10)
    if steps - before - after < 2:
        raise InvalidInput(
            "AdaLoRA needs more steps.",
            [
                Fault(
                    f"{steps} are too few to reduce ranks; the minimum is 3", field="schedule.steps"
                )
            ],
        )
    return {
        "init_r": method.initial_rank,
        "target_r": method.effective_rank,
        "tinit": before,
        "tfinal": after,
        "deltaT": max(1, (steps - before - after) // 20),
        "total_step": steps,
    }


def parameter_size(weights: torch.Tensor) -> int:
    """Return the number of weights of a parameter, also of one packed into 4 bits."""
    packed = getattr(weights, "quant_state", None)
    return int(packed.shape.numel() if packed is not None else weights.numel())
