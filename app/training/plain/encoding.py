"""Rows to token ids and labels, with what was cut off counted."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from app.errors import Fault, InvalidInput
from app.record import Record
from app.training.plain.library_types import Tokenizer
from app.training.plain.masking import Part, parts_of, prompt_of
from app.training.plain.options import DataOptions

NO_LOSS = -100
"""The label of a token that is shown and not learnt, as torch's cross entropy has it."""
_AT_ONCE = 1000
"""So many rows are tokenized together."""


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
    return next(_encoded([record], tokenizer, options))


def encode_prompt(record: Record, tokenizer: Tokenizer, options: DataOptions) -> tuple[int, ...]:
    """Tokenize what a model is shown to answer the row: exactly what stood before it in tuning."""
    parts = prompt_of(record, options.template, tokenizer)
    ids = _ids_of(parts, tokenizer)
    return tuple(chain(_beginning(tokenizer, options), *(ids[part] for part in parts)))


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
    asked = list(records)
    portions = [asked[start : start + _AT_ONCE] for start in range(0, len(asked), _AT_ONCE)]
    every = [row for some in portions for row in _encoded(some, tokenizer, options)]
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


def _encoded(
    records: Sequence[Record], tokenizer: Tokenizer, options: DataOptions
) -> Iterator[Encoded]:
    rows = [parts_of(record, options.template, tokenizer) for record in records]
    ids_of = _ids_of(chain.from_iterable(rows), tokenizer)
    begin, most = _beginning(tokenizer, options), options.max_tokens
    for parts in rows:
        ids, labels = list(begin), [NO_LOSS] * len(begin)
        for part in parts:
            more = ids_of[part]
            ids += more
            labels += more if part.under_loss else [NO_LOSS] * len(more)
        yield Encoded(tuple(ids[:most]), tuple(labels[:most]), cut=max(0, len(ids) - most))


def _beginning(tokenizer: Tokenizer, options: DataOptions) -> Sequence[int]:
    # A chat template writes it itself.
    return begin_of(tokenizer) if options.template == "alpaca" else ()


def _ids_of(parts: Iterable[Part], tokenizer: Tokenizer) -> Mapping[Part, Sequence[int]]:
    """Tokenize parts, each alone, but all in two calls: a call takes longer than a part."""
    distinct = list(dict.fromkeys(parts))
    found: dict[Part, Sequence[int]] = {}
    for has_markers in (False, True):
        alike = [part for part in distinct if part.has_markers is has_markers]
        if not alike:
            continue
        texts = [part.text for part in alike]
        read = tokenizer(texts, add_special_tokens=False, split_special_tokens=not has_markers)
        for part, ids in zip(alike, read["input_ids"], strict=True):
            found[part] = [*ids, tokenizer.eos_token_id] if part.ends_turn else ids
    return found
