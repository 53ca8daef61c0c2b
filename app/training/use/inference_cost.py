"""The cost of running an adapter, counted and measured beside its base model."""

from contextlib import nullcontext
from time import perf_counter

import torch

from app.evaluation.evaluation_result import InferenceCost
from app.training.model.methods import parameter_size
from app.training.model.targets import linear_modules
from app.training.plain.library_types import Model

_ROUNDS = 15
"""Measured forward passes of each model; they alternate, so that a busy machine slows both."""


def inference_cost(model: Model, *, mergeable: bool) -> InferenceCost:
    """Count and measure what an adapter costs while it is not merged.

    Args:
        model: A peft model.
        mergeable: True when the adapter can be merged into the weights.
    """
    try:
        base_ms, tuned_ms = _token_times(model)
    except (RuntimeError, ValueError, TypeError, IndexError):
        # Some architectures take no text of a single token; the counts don't need one.
        base_ms, tuned_ms = None, None
    return InferenceCost(
        base_multiply_adds=_base_products(model),
        extra_multiply_adds=_extra_products(model),
        mergeable=mergeable,
        base_token_ms=base_ms,
        tuned_token_ms=tuned_ms,
    )


def cost_of_full_tuning(model: Model) -> InferenceCost:
    """Return the cost of a model whose own weights were tuned: that of its base model."""
    return InferenceCost(
        base_multiply_adds=_base_products(model), extra_multiply_adds=0, mergeable=True
    )


def _base_products(model: Model) -> int:
    """Count the weights of the linear layers: each is multiplied once per token."""
    prefix = _prefix(model)
    return sum(
        parameter_size(module.weight)
        for name, module in linear_modules(model)
        # peft keeps the untrained head beside the trained one.
        if not (prefix and f".{prefix}" in name) and ".original_module" not in name
    )


def _extra_products(model: Model) -> int:
    config = model.active_peft_config
    if config.is_prompt_learning:
        # Queries are compared with the keys of the prefix, and its values are added up.
        text = model.config.get_text_config()
        width = text.num_attention_heads * (
            getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
        )
        return int(2 * config.num_virtual_tokens * text.num_hidden_layers * width)
    prefix = _prefix(model)
    return sum(
        parameter_size(weights)
        for name, weights in model.named_parameters()
        # Biases and magnitudes have one dimension.
        if f".{prefix}" in name and weights.dim() > 1
    )


def _prefix(model: Model) -> str | None:
    """Return the beginning of the names of adapter modules; None without such modules."""
    prefix: str | None = getattr(getattr(model, "base_model", None), "prefix", None)
    return prefix


def _token_times(model: Model) -> tuple[float, float]:
    """Return the shortest time for one token without and with the adapter, in milliseconds.

    Other processes can only make a pass longer.
    """
    rounds = [(_time(model, is_on=False), _time(model, is_on=True)) for _ in range(_ROUNDS + 1)]
    # The first one allocates memory and compiles kernels.
    base, tuned = zip(*rounds[1:], strict=True)
    return 1000 * min(base), 1000 * min(tuned)


def _time(model: Model, *, is_on: bool) -> float:
    """Return the seconds of a forward pass of one token."""
    device = next(model.parameters()).device
    ids = torch.ones((1, 1), dtype=torch.int64, device=device)
    with torch.no_grad(), nullcontext() if is_on else model.disable_adapter():
        _wait_for(device)
        start = perf_counter()
        model(input_ids=ids, attention_mask=torch.ones_like(ids))
        _wait_for(device)
        return perf_counter() - start


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
