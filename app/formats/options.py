"""What may be asked of a format, of its writing and of its reading; values that never change."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How to write; each format heeds what it knows and no more."""

    chat_columns: bool = False
    """Parquet: the columns ``system``, a text, and ``history``, a list of [user, assistant]."""
    templates: bool = False
    """Prompt-completion: put each row into one of the paper's encodings, drawn by its position."""
    random_seed: int = 0
    """Prompt-completion: another seed draws other encodings; the same seed draws the same."""


@dataclass(frozen=True, slots=True)
class VicunaOptions:
    """How ShareGPT conversations are cleaned; see `app.formats.vicuna`."""

    most_characters: int | None = None
    """The longest conversation; a longer one is split between rounds. None: nothing is split."""
    count: Callable[[str], int] = len
    """Measures a turn; give a tokenizer's count, and `most_characters` is in tokens."""
    html: bool = True
    """Whether turns may be HTML, which becomes Markdown."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read; an option that a format does not have is refused, never passed over."""

    columns: Mapping[str, str | None] | None = None
    """Which column holds a field: ``{"instruction": "prompt", "output": "response", "input":
    None}``. None says that there is none; a field that is left out has its own name."""
    vicuna: VicunaOptions | None = None
    """ShareGPT: clean conversations Vicuna's way; None: take them as they are."""
    most_bytes: int = 16 * _MEBIBYTE
    """The largest row; a larger one is not read, so that no file can fill the memory."""


WRITTEN_PLAINLY = WriteOptions()
READ_PLAINLY = ReadOptions()
