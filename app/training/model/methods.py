"""The ways to change a model, as peft knows them; and full tuning, which changes all of it."""

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
from app.training.plain.library_types import Model
from app.training.plain.options import MethodOptions

Targets = Sequence[str]
QUERY_AND_VALUE = (
    ("q_proj", "v_proj"),
    ("query", "value"),
    ("q_lin", "v_lin"),
    ("query_proj", "value_proj"),
    ("c_attn",),
    ("qkv_proj",),
    ("query_key_value",),
    ("Wqkv",),
)
"""By the model's family: Llama and most, BERT and RoBERTa, DistilBERT, DeBERTa; of GPT-2, Phi-3,
Falcon and ModernBERT one matrix holds query, key and value."""
_HEADS = ("classifier", "score")
_SCALED_BY_IA3 = (
    (("k_proj", "v_proj", "down_proj"), ("down_proj",)),
    (("key", "value", "output.dense"), ("output.dense",)),
    (("c_attn", "mlp.c_proj"), ("mlp.c_proj",)),
)
"""By family: the modules that are scaled, and those of them that are scaled where they are fed."""


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a model is tuned."""

    tuned: int
    total: int
    """Parameters, those of the adapter among them."""

    @property
    def share(self) -> float:
        """Tuned parameters by all of them."""
        return self.tuned / self.total


@dataclass(frozen=True, slots=True)
class Adapted:
    """A model ready to be tuned."""

    model: Model
    method: MethodOptions
    targets: Targets
    """The names of the modules that are adapted; empty of `prefix` and `full`."""
    share: Share


def adapt(
    model: Model,
    method: MethodOptions,
    steps: int,
    task: str = "CAUSAL_LM",
    fresh: Sequence[str] = (),
) -> Adapted:
    """Put the method's adapter on a model; its output does not change by that, but for `prefix`.

    Args:
        model: Is changed in place.
        method: What to put on it.
        steps: How many updates there will be; AdaLoRA spends its rank budget over them.
        task: What the model is for, in peft's words: `CAUSAL_LM` or `SEQ_CLS`.
        fresh: Modules that begin with random numbers: they are learnt whole, and kept with the
            adapter.

    Raises:
        InvalidInput: when the model lacks the targets; names those that it has.
    """
    if method.name == "full":
        model.requires_grad_(requires_grad=True)
        return Adapted(model, method, (), share_of(model))
    if method.name == "prefix":
        config = PrefixTuningConfig(task_type=task, num_virtual_tokens=method.virtual_tokens)
        adapted = get_peft_model(model, config)
        return Adapted(adapted, method, (), share_of(adapted))
    if method.name == "qlora":
        # Whether inner values are kept was decided when it was loaded.
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    targets = targets_of(model, method)
    config = _config(model, method, targets, steps)
    config.task_type = task
    # peft knows of heads by the names of most; it would neither tune nor keep any other.
    config.modules_to_save = [name for name in fresh if not name.endswith(_HEADS)] or None
    adapted = get_peft_model(model, config)
    return Adapted(
        adapted, method, tuple(sorted(set(adapted.targeted_module_names))), share_of(adapted)
    )


def share_of(model: Model) -> Share:
    """Count a model's parameters, and those that are tuned."""
    every = list(model.parameters())
    # A matrix of 4-bit numbers holds two in each byte, and knows its own shape.
    total = sum(_size(weights) for weights in every)
    return Share(sum(_size(weights) for weights in every if weights.requires_grad), total)


def targets_of(model: Model, method: MethodOptions) -> Targets:
    """The modules that a method adapts, by the last parts of their names.

    Raises:
        InvalidInput: when the model has none of the name, or a preset does not know its family.
    """
    names = [name for name, _ in _matrices(model)]
    if method.targets == "all linear" or (method.targets is None and method.name == "qlora"):
        head = model.get_output_embeddings()
        kept = {
            name.rsplit(".", 1)[-1]
            for name, module in _matrices(model)
            if module is not head and not name.startswith("classifier")
        }
        return tuple(sorted(kept))
    if method.targets is None and method.name == "ia3":
        return _first_known(names, [scaled for scaled, _ in _SCALED_BY_IA3], "keys and values")
    if method.targets in (None, "q and v"):
        return _first_known(names, QUERY_AND_VALUE, "query and value")
    wanted = tuple(method.targets or ())
    unknown = [target for target in wanted if not _has(names, target)]
    if unknown:
        faults = [Fault(f"the model has no {one!r}", field="method.targets") for one in unknown]
        raise InvalidInput(f"The targets can be: {_there(names)}.", faults)
    return wanted


def fresh_modules(model: Model, names: Collection[str]) -> Sequence[str]:
    """The outermost modules of which every parameter is among those named."""
    found: list[str] = []
    for name, module in model.named_modules():
        own = [f"{name}.{each}" for each, _ in module.named_parameters()]
        is_within = any(name.startswith(f"{outer}.") for outer in found)
        if name and own and not is_within and all(one in names for one in own):
            found.append(name)
    return tuple(found)


def ranks(model: Model) -> Mapping[str, int]:
    """The rank of each module that a low-rank adapter is on: AdaLoRA's differ in the end."""
    found: dict[str, int] = {}
    for name, module in model.named_modules():
        if isinstance(getattr(module, "lora_E", None), nn.ParameterDict) and module.lora_E:
            # A direction whose weight was set to zero has been taken away.
            found[name] = int((next(iter(module.lora_E.values())) != 0).sum())
        elif isinstance(getattr(module, "lora_A", None), nn.ModuleDict) and module.lora_A:
            found[name] = next(iter(module.lora_A.values())).weight.shape[0]
    return {name.removeprefix("base_model.model."): rank for name, rank in found.items()}


def low_rank_parameters(model: Model, targets: Targets, rank: int) -> int:
    """What the formula says an adapter of this rank has: r (inputs + outputs) for each matrix."""
    return sum(
        rank * sum(_matrix_shape(module))
        for name, module in _matrices(model)
        if any(_has([name], target) for target in targets)
    )


def _config(model: Model, method: MethodOptions, targets: Targets, steps: int) -> Any:  # noqa: ANN401 - one of peft's
    # GPT-2 keeps its matrices the other way round.
    turned = any(type(module).__name__ == "Conv1D" for _, module in _matrices(model))
    if method.name == "ia3":
        known = {place for _, fed in _SCALED_BY_IA3 for place in fed}
        fed = [target for target in targets if target in known]
        return IA3Config(
            target_modules=list(targets), feedforward_modules=fed, fan_in_fan_out=turned
        )
    numbers = {
        "target_modules": list(targets),
        "lora_alpha": method.alpha,
        "lora_dropout": method.dropout,
        "fan_in_fan_out": turned,
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
    """How AdaLoRA spends its steps: a tenth before it takes ranks away, three tenths after."""
    # The last of its cuts, to the budget exactly, comes with the first step after.
    before, after = steps // 10, max(1, steps * 3 // 10)
    if steps - before - after < 2:
        raise InvalidInput(
            "AdaLoRA needs more steps.",
            [
                Fault(
                    f"{steps} are too few to move ranks in; 3 are the least", field="schedule.steps"
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


def _matrices(model: Model) -> list[tuple[str, nn.Module]]:
    kinds = {"Linear", "Conv1D", "Linear4bit"}
    return [(name, one) for name, one in model.named_modules() if type(one).__name__ in kinds]


def _matrix_shape(module: nn.Module) -> Sequence[int]:
    if isinstance(module, nn.Linear):
        return module.out_features, module.in_features
    return tuple(module.weight.shape)


def _has(names: Sequence[str], target: str) -> bool:
    """Whether peft would find the target: a whole name, or its last parts."""
    return any(name == target or name.endswith(f".{target}") for name in names)


def _first_known(names: Sequence[str], families: Sequence[Targets], what: str) -> Targets:
    for family in families:
        if all(_has(names, target) for target in family):
            return family
    raise InvalidInput(
        f"The model names no matrices for {what} that we know.",
        [Fault(f"name the targets out of: {_there(names)}", field="method.targets")],
    )


def _there(names: Sequence[str]) -> str:
    return ", ".join(sorted({name.rsplit(".", 1)[-1] for name in names}))


def _size(weights: torch.Tensor) -> int:
    packed = getattr(weights, "quant_state", None)
    return int(packed.shape.numel() if packed is not None else weights.numel())
