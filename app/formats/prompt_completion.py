"""Prompts and completions, one pair per line; unchanged, or with the paper's templates.

The end of the text is left to the trainer: its tokenizer knows the token, a text does not.
"""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import BinaryIO

from pydantic import Field

from app.dataset_row import Record
from app.formats.broken_rows import BrokenRow, Numbered
from app.formats.chat.turns import ChatReader, record_of_turns
from app.formats.columns import Columns
from app.formats.json.any_layout import read_json
from app.formats.json.lines import write_lines
from app.formats.json.values import quoted
from app.formats.options import ReadOptions, WriteOptions

# Where the prompt ends with a label the completion begins with a space, as words in a text do.
_WITH_INPUT = (
    ("{instruction}\nInput: {input}\nOutput:", " "),
    ("{instruction}\n\nInput: {input}\n\nOutput:", " "),
    ("Task: {instruction}\nInput: {input}\nOutput:", " "),
    ("{instruction}\n\n{input}\n\nOutput:", " "),
    ("{instruction}\n\n{input}\n\n", ""),
    ("{instruction}\n{input}\n\n", ""),
    ("Task: {instruction}\n\n{input}\n\n", ""),
)
_WITHOUT_INPUT = (
    ("{instruction} Output:", " "),
    ("{instruction}\nOutput:", " "),
    ("{instruction}\n\nOutput:", " "),
    ("{instruction}\n", ""),
    ("{instruction}\n\n", ""),
    ("Task: {instruction}\n\n", ""),
)


class PromptCompletionOptions(WriteOptions):
    """Options of prompt-completion."""

    templates: bool = False
    """Prompt-completion: write each row with one of the paper's templates, drawn at random."""
    random_seed: int = Field(default=0, ge=0, le=2**63 - 1)
    """Prompt-completion: random seed of the templates."""

    @property
    def file_part(self) -> str:
        """The part that these options add to the name of a file."""
        return f"templates{self.random_seed}" if self.templates else ""

    @property
    def has_free_values(self) -> bool:
        """True when a random seed other than 0 chooses the templates."""
        return self.templates and self.random_seed != 0


def write_prompt_completion(
    records: Iterable[Record], sink: BinaryIO, options: WriteOptions
) -> None:
    """Write one prompt with its completion a line."""
    chosen = PromptCompletionOptions.of(options)
    pairs = (
        encoded(record, position, chosen.random_seed)
        if chosen.templates
        else (record.request, record.output)
        for position, record in enumerate(records)
    )
    write_lines((f'{{"prompt": {quoted(p)}, "completion": {quoted(c)}}}' for p, c in pairs), sink)


def encoded(record: Record, position: int, random_seed: int) -> tuple[str, str]:
    """Encode as Self-Instruct does for training (section 3.2: several templates, so that a model
    does not learn one by heart); the texts themselves are not touched, colons in them included.
    """  # noqa: D205 - the first sentence needs its reason
    templates = _WITH_INPUT if record.input.strip() else _WITHOUT_INPUT
    drawn = blake2b(f"{random_seed}:{position}".encode(), digest_size=8).digest()
    prompt, before = templates[int.from_bytes(drawn, "big") % len(templates)]
    filled = prompt.format(instruction=record.instruction, input=record.input)
    return filled, before + record.output


def read_prompt_completion(source: BinaryIO, options: ReadOptions) -> Iterator[Numbered]:
    """Read rows; the whole prompt becomes the instruction.

    Raises:
        InvalidInput: when no row has a prompt or a completion.
    """
    pairs = PairReader(options)
    yield from read_json(source, options.limits, lambda row: (pairs.record(row),))
    pairs.columns.refuse_if_never_met()


class PairReader:
    """Reads prompts and completions: texts, or lists of turns as TRL has them."""

    def __init__(self, options: ReadOptions) -> None:
        mapping = {"instruction": "prompt", "output": "completion", "input": None}
        self.columns = Columns(options, mapping)
        self._chats = ChatReader(options)

    def record(self, row: object) -> Record:
        """Return the record of a row.

        Raises:
            BrokenRow: with what is wrong.
        """
        if not isinstance(row, dict) or not isinstance(row.get("prompt"), list):
            return self.columns.record(row)
        self.columns.meet(row)
        prompt, completion = row["prompt"], row.get("completion")
        if not isinstance(completion, list):
            raise BrokenRow("not_text", "completion must be a list of turns, as the prompt is")
        return record_of_turns(
            self._chats.turns_beside([*prompt, *completion], row, {"prompt", "completion"})
        )
