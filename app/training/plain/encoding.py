"""Tokenization of rows into ids and labels, with counts of what was truncated."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain

from app.dataset_row import Record
from app.errors import Fault, InvalidInput, RowRefused
from app.training.plain.library_types import Tokenizer
from app.training.plain.masking import Part, SplitRow, prompt_parts, split_row
from app.training.plain.option_groups import DataOptions

NO_LOSS = -100
"""Label of a token that does not count in the loss (the default `ignore_index` of torch)."""
_AT_ONCE = 1000
"""Rows per tokenizer call."""
EMPTY_ANSWER = "its answer is empty"
"""Reason why a row is not learnt: it would teach to answer nothing."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A tokenized row."""

    ids: tuple[int, ...]
    labels: tuple[int, ...]
    """The token id where it counts in the loss, else `NO_LOSS`; as long as `ids`."""
    cut: int = 0
    """Tokens removed from the end."""

    @property
    def loss_tokens(self) -> int:
        """Return the number of tokens that count in the loss."""
        # The first token has no context to be predicted from.
        return sum(label != NO_LOSS for label in self.labels[1:])


@dataclass(frozen=True, slots=True)
class EncodingReport:
    """Counts of rows and tokens after tokenization."""

    rows: int
    kept: int
    truncated: int
    """Kept rows that lost their end."""
    dropped: int
    """Rows that are not learnt, for the reasons in `refused` or because no token that counts in the
    loss is left of them."""
    tokens: int
    """Tokens of the kept rows."""
    tokens_under_loss: int
    tokens_cut: int
    """Tokens removed from kept and dropped rows."""
    folded_system: int = 0
    """Rows whose system message stands before their first question."""
    last_answer_only: int = 0
    """Rows of several turns of which only the last answer is learnt."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """Dropped rows by reason: the chat template takes them in no form, or their answer is empty."""
    first_refused: Mapping[str, int] = field(default_factory=dict)
    """The number of the first such row by reason, from 1."""


def encode(record: Record, tokenizer: Tokenizer, options: DataOptions) -> Encoded:
    """Tokenize a row part by part, so that no token spans prompt and answer.

    Raises:
        InvalidInput: the model has no chat template.
        RowRefused: its template does not take this row.
    """
    return next(_encoded([split_row(record, options.template, tokenizer)], tokenizer, options))


def encode_prompt(record: Record, tokenizer: Tokenizer, options: DataOptions) -> tuple[int, ...]:
    """Tokenize the prompt of a row: exactly the tokens that preceded its answer in training."""
    parts = prompt_parts(record, options.template, tokenizer)
    ids = _ids_of(parts, tokenizer)
    return tuple(chain(_bos(tokenizer, options), *(ids[part] for part in parts)))


def encode_all(
    records: Iterable[Record],
    tokenizer: Tokenizer,
    options: DataOptions,
    day: date | None = None,
) -> tuple[Sequence[Encoded], EncodingReport]:
    """Tokenize rows; drop and count those that can't be learnt.

    Args:
        records: The rows.
        tokenizer: The tokenizer of the model.
        options: The template and the length limit.
        day: The date that chat templates with a date write; None: today. A job that is resumed on
            another day needs the same rows.

    Raises:
        InvalidInput: no row is left, or the tokenizer has no end-of-text token.
    """
    if tokenizer.eos_token_id is None:
        raise InvalidInput("The base model's tokenizer has no token that ends a text.")
    rows = [_split_or_reason(record, tokenizer, options, day) for record in records]
    splits = [row for row in rows if isinstance(row, SplitRow)]
    encoded = [
        row
        for start in range(0, len(splits), _AT_ONCE)
        for row in _encoded(splits[start : start + _AT_ONCE], tokenizer, options)
    ]
    reasons = [(row, n) for n, row in enumerate(rows, start=1) if isinstance(row, str)]
    kept = [row for row in encoded if row.loss_tokens]
    report = EncodingReport(
        rows=len(rows),
        kept=len(kept),
        truncated=sum(row.cut > 0 for row in kept),
        dropped=len(rows) - len(kept),
        tokens=sum(len(row.ids) for row in kept),
        tokens_under_loss=sum(row.loss_tokens for row in kept),
        tokens_cut=sum(row.cut for row in encoded),
        folded_system=sum(row.folded_system for row in splits),
        last_answer_only=sum(row.last_answer_only for row in splits),
        refused=Counter(reason for reason, _ in reasons),
        # The first row of a reason comes last, and so stays.
        first_refused=dict(reversed(reasons)),
    )
    if not kept:
        raise InvalidInput("The data set has no row to train on.", _faults(report, options))
    return kept, report


def bos_tokens(tokenizer: Tokenizer) -> list[int]:
    """Return the begin-of-text token when the tokenizer adds one, else an empty list."""
    begin = tokenizer.bos_token_id
    first = tokenizer("a")["input_ids"][:1]
    return [begin] if begin is not None and first == [begin] else []


def _split_or_reason(
    record: Record, tokenizer: Tokenizer, options: DataOptions, day: date | None
) -> SplitRow | str:
    """Split a row that is to be learnt; return the reason when it can't be."""
    if not record.output.strip():
        return EMPTY_ANSWER
    try:
        return split_row(record, options.template, tokenizer, day)
    except RowRefused as refusal:
        return refusal.why


def _faults(report: EncodingReport, options: DataOptions) -> Sequence[Fault]:
    """Return why no row is left."""
    if not report.refused:
        text = (
            f"none of {report.rows} rows has a token of its answer within the first "
            f"{options.max_tokens} tokens"
        )
        return [Fault(text, field="data.max_tokens")]
    return [
        Fault(f"{count} of {report.rows} rows: {reason}", field="data.template")
        for reason, count in report.refused.items()
    ]


def _encoded(
    rows: Sequence[SplitRow], tokenizer: Tokenizer, options: DataOptions
) -> Iterator[Encoded]:
    ids_of = _ids_of(chain.from_iterable(row.parts for row in rows), tokenizer)
    bos, limit = _bos(tokenizer, options), options.max_tokens
    for row in rows:
        ids, labels = list(bos), [NO_LOSS] * len(bos)
        for part in row.parts:
            more = ids_of[part]
            ids += more
            labels += more if part.in_loss else [NO_LOSS] * len(more)
        yield Encoded(tuple(ids[:limit]), tuple(labels[:limit]), cut=max(0, len(ids) - limit))


def _bos(tokenizer: Tokenizer, options: DataOptions) -> Sequence[int]:
    # A chat template writes the begin-of-text token itself.
    return bos_tokens(tokenizer) if options.template == "alpaca" else ()


def _ids_of(parts: Iterable[Part], tokenizer: Tokenizer) -> Mapping[Part, Sequence[int]]:
    """Tokenize distinct parts in two batches: one call per part would be slower than the work."""
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
