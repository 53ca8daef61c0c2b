"""What a model answers to rows, tuned or not: greedily, many at a time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from transformers import StoppingCriteriaList

from app.record import Record
from app.training.plain.encoding import encode_prompt
from app.training.plain.library_types import Model, Tokenizer
from app.training.plain.options import DataOptions
from app.training.use.generating import context_of, ends_of, generated

_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Said:
    """What a model answered."""

    text: str
    cut_off: bool
    """Whether it did not come to its end within the most tokens."""


def answers(
    model: Model,
    tokenizer: Tokenizer,
    records: Sequence[Record],
    options: DataOptions,
    most_tokens: int = 128,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Said]:
    """Yield the likeliest answer to each row, in order; the row's own answer is not looked at.

    A prompt beyond the options' length, or the model's, loses its beginning, for what is asked
    stands at its end. When `stop` says so, which is asked before each token, answers end as they
    are.
    """
    was_tuned = model.training
    model.eval()
    context, ends = context_of(model), ends_of(model, tokenizer)
    # One place at least is for the answer.
    room = options.max_tokens if context is None else min(options.max_tokens, context - 1)
    for start in range(0, len(records), _AT_ONCE):
        prompts = [
            encode_prompt(record, tokenizer, options)[-room:]
            for record in records[start : start + _AT_ONCE]
        ]
        longest = max(map(len, prompts))
        most = most_tokens if context is None else min(most_tokens, context - longest)
        for said in _said(model, prompts, most, ends, tokenizer.pad_token_id, stop):
            end = next((place for place, token in enumerate(said) if token in ends), None)
            yield Said(tokenizer.decode(said[:end], skip_special_tokens=True), end is None)
    model.train(was_tuned)


def _said(
    model: Model,
    prompts: Sequence[Sequence[int]],
    most_tokens: int,
    ends: Sequence[int],
    padding: int,
    stop: Callable[[], bool],
) -> Sequence[Sequence[int]]:
    """The tokens with which a model goes on, padded behind their end."""
    device, longest = next(model.parameters()).device, max(map(len, prompts))
    # Padded before, so that all answers begin at the same place.
    padded = [[padding] * (longest - len(one)) + [*one] for one in prompts]
    shown = [[0] * (longest - len(one)) + [1] * len(one) for one in prompts]

    def is_over(ids: torch.Tensor, _scores: object, **_: object) -> torch.Tensor:
        return torch.full((ids.shape[0],), stop(), device=ids.device, dtype=torch.bool)

    # It keeps no gradients, by itself.
    told = generated(
        model,
        torch.tensor(padded, device=device),
        torch.tensor(shown, device=device),
        max_new_tokens=most_tokens,
        do_sample=False,
        # Some models come with another; it is no part of the likeliest answer.
        repetition_penalty=1.0,
        eos_token_id=list(ends),
        pad_token_id=padding,
        stopping_criteria=StoppingCriteriaList([is_over]),
    )
    after: list[list[int]] = told[:, longest:].tolist()
    return after
