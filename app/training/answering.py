"""What a model answers to rows, tuned or not: greedily, many at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from app.record import Record
from app.training.encoding import encode_prompt
from app.training.generating import generated
from app.training.libraries import Model, Tokenizer
from app.training.options import DataOptions


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
) -> Iterator[Said]:
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
        told = generated(
            model,
            torch.tensor(padded, device=device),
            torch.tensor(shown, device=device),
            max_new_tokens=most_tokens,
            do_sample=False,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
        said = told[:, longest:]
        ended = (said == tokenizer.eos_token_id).any(dim=1).tolist()
        texts = tokenizer.batch_decode(said, skip_special_tokens=True)
        yield from (Said(text, not end) for text, end in zip(texts, ended, strict=True))
    model.train(was_tuned)
