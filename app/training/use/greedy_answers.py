"""Greedy answers of a model to rows, in batches."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from transformers import StoppingCriteriaList

from app.dataset_row import Record
from app.training.plain.encoding import encode_prompt
from app.training.plain.library_types import Model, Tokenizer
from app.training.plain.option_groups import DataOptions
from app.training.use.generate import context_length, end_tokens, generate

_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class GeneratedAnswer:
    """An answer of a model."""

    text: str
    cut_off: bool
    """True when it reached the token limit before its end."""


def generate_answers(
    model: Model,
    tokenizer: Tokenizer,
    records: Sequence[Record],
    options: DataOptions,
    max_tokens: int = 128,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[GeneratedAnswer]:
    """Yield the most likely answer to each row, in order; the answer in the row is not used.

    A prompt longer than the options or the context allow loses its beginning, because the question
    is at its end. `stop` is called before each token; once it returns True, answers end where they
    are.
    """
    was_training = model.training
    model.eval()
    context, ends = context_length(model), end_tokens(model, tokenizer)
    # Leave at least one token for the answer.
    limit = options.max_tokens if context is None else min(options.max_tokens, context - 1)
    for start in range(0, len(records), _AT_ONCE):
        prompts = [
            encode_prompt(record, tokenizer, options)[-limit:]
            for record in records[start : start + _AT_ONCE]
        ]
        longest = max(map(len, prompts))
        answer_limit = max_tokens if context is None else min(max_tokens, context - longest)
        for tokens in _generated_tokens(
            model, prompts, answer_limit, ends, tokenizer.pad_token_id, stop
        ):
            end = next((index for index, token in enumerate(tokens) if token in ends), None)
            yield GeneratedAnswer(
                tokenizer.decode(tokens[:end], skip_special_tokens=True), end is None
            )
    model.train(was_training)


def _generated_tokens(
    model: Model,
    prompts: Sequence[Sequence[int]],
    max_tokens: int,
    ends: Sequence[int],
    padding: int,
    stop: Callable[[], bool],
) -> Sequence[Sequence[int]]:
    """Return the generated tokens of each prompt, padded after their end."""
    device, longest = next(model.parameters()).device, max(map(len, prompts))
    # Left padding, so that all answers start at the same position.
    padded = [[padding] * (longest - len(one)) + [*one] for one in prompts]
    shown = [[0] * (longest - len(one)) + [1] * len(one) for one in prompts]

    def is_over(ids: torch.Tensor, _scores: object, **_: object) -> torch.Tensor:
        return torch.full((ids.shape[0],), stop(), device=ids.device, dtype=torch.bool)

    # `generate` itself disables gradients.
    output = generate(
        model,
        torch.tensor(padded, device=device),
        torch.tensor(shown, device=device),
        max_new_tokens=max_tokens,
        do_sample=False,
        # Some models configure another penalty, which is not part of the most likely answer.
        repetition_penalty=1.0,
        eos_token_id=list(ends),
        pad_token_id=padding,
        stopping_criteria=StoppingCriteriaList([is_over]),
    )
    answers: list[list[int]] = output[:, longest:].tolist()
    return answers
