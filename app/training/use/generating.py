"""Going on with prompts, whatever was put on the model, as far as it has places and to its end."""

import inspect
from collections.abc import Sequence
from typing import Any

import torch

from app.training.plain.library_types import Model, Tokenizer


def ends_of(model: Model, tokenizer: Tokenizer) -> Sequence[int]:
    """The tokens that end an answer: the tokenizer's, and those that the model's makers name.

    A model that was made for chat ends a turn by one of its own, and goes on with anything if it
    is not heeded.
    """
    named = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    also = [named] if isinstance(named, int) else list(named or ())
    return list(dict.fromkeys([tokenizer.eos_token_id, *also]))


def context_of(model: Model) -> int | None:
    """The most tokens of prompt and answer together; None: the model does not say."""
    places = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if places is None:
        return None
    put_on: Any = getattr(model, "active_peft_config", None)
    is_prefixed = getattr(put_on, "is_prompt_learning", False)
    return int(places) - (put_on.num_virtual_tokens if is_prefixed else 0)


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
