"""Going on with prompts, whatever was put on the model."""

import inspect
from typing import Any

import torch

from app.training.libraries import Model


def generated(
    model: Model,
    ids: torch.Tensor,
    mask: torch.Tensor,
    **how: Any,  # noqa: ANN401 - transformers' own arguments
) -> torch.Tensor:
    """Have a model go on with prompts; what is returned begins with them.

    Args:
        model: A model, or peft's wrapping of one.
        ids: The prompts, padded before.
        mask: 0 where they are padded.
        how: As ``generate`` of transformers has it.
    """
    if not getattr(getattr(model, "active_peft_config", None), "is_prompt_learning", False):
        return model.generate(input_ids=ids, attention_mask=mask, **how)
    # peft hands the prefix on by a name that transformers passes over where it finds its own: the
    # model would answer without. Here it is the beginning of what was computed before.
    inner, rows = model.get_base_model(), ids.shape[0]
    with torch.no_grad():
        prefix = model.get_prompt(batch_size=rows)
    places = torch.ones((rows, prefix.get_seq_length()), dtype=mask.dtype, device=mask.device)
    known = inspect.signature(inner.prepare_inputs_for_generation).parameters
    name = "cache" if "cache" in known else "past_key_values"
    whole = torch.cat((places, mask), dim=1)
    return inner.generate(input_ids=ids, attention_mask=whole, **{name: prefix}, **how)
