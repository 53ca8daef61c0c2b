"""Checks of a loaded base model before it is trained: what would end in a wrong model."""

from collections.abc import Iterable, Sequence

import torch

from app.errors import Fault, InvalidInput
from app.training.plain.library_types import Model, Tokenizer

_TRIED = 8
"""Tokens of the trial; their last one is changed."""
_ALIKE = {torch.float32: 1e-3, torch.bfloat16: 0.05, torch.float16: 0.05}
"""Allowed difference of logits in standard deviations, which rounding leaves."""
_NAMED = 5
"""Tokens that a message names."""


def embedding_rows(model: Model) -> int:
    """Return the number of tokens that a model has an embedding for."""
    return int(model.get_input_embeddings().weight.shape[0])


def settle_padding(model: Model, tokenizer: Tokenizer) -> None:
    """Let model and tokenizer pad with the same token, one that the model has.

    A classifier finds the last token of a text by the padding token in its configuration.
    """
    pad, rows = tokenizer.pad_token_id, embedding_rows(model)
    if pad is None or not 0 <= pad < rows:
        tokenizer.pad_token = tokenizer.eos_token
    model.config.pad_token_id = tokenizer.pad_token_id


def check_tokens(
    model: Model, tokenizer: Tokenizer, texts: Iterable[Sequence[int]], name: str
) -> None:
    """Check that the model has an embedding for every token of the texts.

    Args:
        model: The model.
        tokenizer: Names the tokens.
        texts: Token ids of each text.
        name: Name of the model in the options.

    Raises:
        InvalidInput: it lacks some; the message names them.
    """
    rows = embedding_rows(model)
    lacking = sorted({token for text in texts for token in text if token >= rows})
    if lacking:
        names = ", ".join(map(repr, tokenizer.convert_ids_to_tokens(lacking[:_NAMED])))
        more = ", ..." if len(lacking) > _NAMED else ""
        fault = Fault(
            f"the tokenizer has {names}{more}, but the model has embeddings for {rows:,} tokens "
            "only; use the tokenizer that belongs to the weights",
            field="base_model",
        )
        raise InvalidInput(f"The tokenizer of {name} does not fit its weights.", [fault])


def check_is_causal(model: Model, name: str) -> None:
    """Check by a forward pass that a token has no influence on the logits before it.

    A bidirectional encoder would be trained to copy the tokens that it is to predict.

    Raises:
        InvalidInput: the model sees later tokens, or cannot be run.
    """
    rows, device = embedding_rows(model), next(model.parameters()).device
    first = torch.arange(_TRIED, device=device).remainder(rows)
    other = first.clone()
    other[-1] = (other[-1] + 1) % rows
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            one, two = (model(input_ids=ids[None]).logits[0, :-1].float() for ids in (first, other))
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
        fault = Fault(f"a trial run failed: {error}", field="base_model")
        raise InvalidInput(f"{name} cannot be run as a language model.", [fault]) from error
    finally:
        model.train(was_training)
    allowed = _ALIKE.get(next(model.parameters()).dtype, 0.05) * float(one.std())
    if float((one - two).abs().max()) > allowed:
        fault = Fault(
            "it is bidirectional: changing the last token changes the logits before it; use the "
            "task 'labels', or a model that is trained to continue a text",
            field="base_model",
        )
        raise InvalidInput(f"{name} is no model that writes answers.", [fault])
