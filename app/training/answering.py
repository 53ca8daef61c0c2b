"""What a model answers to rows, tuned or not: greedily, many at a time."""

from collections.abc import Iterator, Sequence

import torch

from app.record import Record
from app.training.encoding import encode_prompt
from app.training.libraries import Model, Tokenizer
from app.training.options import DataOptions


def answers(
    model: Model,
    tokenizer: Tokenizer,
    records: Sequence[Record],
    options: DataOptions,
    most_tokens: int = 128,
) -> Iterator[str]:
    """Yield the likeliest answer to each row, in order; the row's own answer is not looked at.

    A prompt beyond the options' length loses its beginning, for what is asked stands at its end.
    """
    was_tuned = model.training
    model.eval()
    device = next(model.parameters()).device
    at_once = 16
    for start in range(0, len(records), at_once):
        prompts = [
            encode_prompt(record, tokenizer, options)[-options.max_tokens :]
            for record in records[start : start + at_once]
        ]
        longest = max(map(len, prompts))
        # Padded before, so that all answers begin at the same place.
        padded = [[tokenizer.pad_token_id] * (longest - len(one)) + [*one] for one in prompts]
        shown = [[0] * (longest - len(one)) + [1] * len(one) for one in prompts]
        # It keeps no gradients, by itself.
        told = model.generate(
            input_ids=torch.tensor(padded, device=device),
            attention_mask=torch.tensor(shown, device=device),
            max_new_tokens=most_tokens,
            do_sample=False,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
        yield from tokenizer.batch_decode(told[:, longest:], skip_special_tokens=True)
    model.train(was_tuned)
