"""Text generation with any model or adapter, up to its context length and end tokens."""

import inspect
from collections.abc import Sequence
from typing import Any

import torch

from app.training.plain.library_types import Model, Tokenizer


def end_tokens(model: Model, tokenizer: Tokenizer) -> Sequence[int]:
    """Return the tokens that end an answer, of the tokenizer and of the generation configuration.

    Chat models end a turn with a token of their own, and continue with arbitrary text when it is
    ignored.
    """
    named = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    also = [named] if isinstance(named, int) else list(named or ())
    return list(dict.fromkeys([tokenizer.eos_token_id, *also]))


def context_length(model: Model) -> int | None:
    """Return the largest number of tokens of prompt and answer together; None when unknown."""
    positions = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if positions is None:
        return None
    adapter: Any = getattr(model, "active_peft_config", None)
    is_prefixed = getattr(adapter, "is_prompt_learning", False)
    return int(positions) - (adapter.num_virtual_tokens if is_prefixed else 0)


def generate(
    model: Model,
    ids: torch.Tensor,
    mask: torch.Tensor,
    **how: Any,  # noqa: ANN401 - transformers' own arguments
) -> torch.Tensor:
    """Continue prompts; the result, int64 [sequences, tokens], starts with them.

    Args:
        model: A model, or the peft wrapper around one.
        ids: Prompts, int64 [sequences, tokens], padded on the left.
        mask: int64 [sequences, tokens], 0 for padding.
        how: Arguments of ``generate`` of transformers.
    """
    if not getattr(getattr(model, "active_peft_config", None), "is_prompt_learning", False):
        return model.generate(input_ids=ids, attention_mask=mask, **how)
    # peft passes the prefix under a name that transformers ignores when it finds its own cache: the
    # model would answer without it. Here the prefix is passed as the beginning of the cache.
    inner, rows = model.get_base_model(), ids.shape[0]
    with torch.no_grad():
        prefix = model.get_prompt(batch_size=rows)
    prefix_mask = torch.ones((rows, prefix.get_seq_length()), dtype=mask.dtype, device=mask.device)
    known = inspect.signature(inner.prepare_inputs_for_generation).parameters
    name = "cache" if "cache" in known else "past_key_values"
    whole = torch.cat((prefix_mask, mask), dim=1)
    return inner.generate(input_ids=ids, attention_mask=whole, **{name: prefix}, **how)
