"""Rows to token ids and labels, with what was cut off counted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.errors import Fault, InvalidInput
from app.record import Record
from app.training.libraries import Tokenizer
from app.training.masking import Part, parts_of, prompt_of
from app.training.options import DataOptions

NO_LOSS = -100
"""The label of a token that is shown and not learnt, as torch's cross entropy has it."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A row as a model reads it."""

    ids: tuple[int, ...]
    labels: tuple[int, ...]
    """The id where the model is to learn it, else `NO_LOSS`; as long as `ids`."""
    cut: int = 0
    """Tokens that were cut off its end."""

    @property
    def under_loss(self) -> int:
        """How many tokens are learnt."""
        # The first token has nothing before it to be foretold from.
        return sum(label != NO_LOSS for label in self.labels[1:])


@dataclass(frozen=True, slots=True)
class EncodingReport:
    """What became of the rows."""

    rows: int
    kept: int
    truncated: int
    """Kept, but without their end."""
    dropped: int
    """Nothing to learn was left of them."""
    tokens: int
    """Of the kept rows."""
    tokens_under_loss: int
    tokens_cut: int
    """Cut off, of kept and of dropped rows."""


def encode(record: Record, tokenizer: Tokenizer, options: DataOptions) -> Encoded:
    """Tokenize a row part by part, so that each token is wholly answer or wholly not."""
    ids: list[int] = begin_of(tokenizer) if options.template == "alpaca" else []
    labels = [NO_LOSS] * len(ids)
    for part in parts_of(record, options.template, tokenizer):
        more = _part_ids(part, tokenizer)
        ids += more
        labels += more if part.under_loss else [NO_LOSS] * len(more)
    most = options.max_tokens
    return Encoded(tuple(ids[:most]), tuple(labels[:most]), cut=max(0, len(ids) - most))


def encode_prompt(record: Record, tokenizer: Tokenizer, options: DataOptions) -> tuple[int, ...]:
    """Tokenize what a model is shown to answer the row: exactly what stood before it in tuning."""
    ids: list[int] = begin_of(tokenizer) if options.template == "alpaca" else []
    for part in prompt_of(record, options.template, tokenizer):
        ids += _part_ids(part, tokenizer)
    return tuple(ids)


def encode_all(
    records: Iterable[Record],
    tokenizer: Tokenizer,
    options: DataOptions,
) -> tuple[Sequence[Encoded], EncodingReport]:
    """Tokenize rows; those of which nothing to learn is left are dropped and counted.

    Raises:
        InvalidInput: when no row is left, or the tokenizer has no token that ends a text.
    """
    if tokenizer.eos_token_id is None:
        raise InvalidInput("The base model's tokenizer has no token that ends a text.")
    every = [encode(record, tokenizer, options) for record in records]
    kept = [row for row in every if row.under_loss]
    report = EncodingReport(
        rows=len(every),
        kept=len(kept),
        truncated=sum(row.cut > 0 for row in kept),
        dropped=len(every) - len(kept),
        tokens=sum(len(row.ids) for row in kept),
        tokens_under_loss=sum(row.under_loss for row in kept),
        tokens_cut=sum(row.cut for row in every),
    )
    if not kept:
        raise InvalidInput(
            "The data set has no row that could be learnt.",
            [
                Fault(
                    f"of {report.rows} rows none has a token of its answer within the first "
                    f"{options.max_tokens} tokens",
                    field="data.max_tokens",
                )
            ],
        )
    return kept, report


def begin_of(tokenizer: Tokenizer) -> list[int]:
    """The token that begins a text, where the tokenizer puts one there."""
    begin = tokenizer.bos_token_id
    first = tokenizer("a")["input_ids"][:1]
    return [begin] if begin is not None and first == [begin] else []


def _part_ids(part: Part, tokenizer: Tokenizer) -> list[int]:
    ids: list[int] = tokenizer(
        part.text, add_special_tokens=False, split_special_tokens=not part.has_markers
    )["input_ids"]
    return [*ids, tokenizer.eos_token_id] if part.ends_turn else ids
