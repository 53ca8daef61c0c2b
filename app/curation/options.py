"""Options for selecting a data set's rows, with defaults: the parts of a recipe."""

import operator
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Values(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


LaterSwitch = Annotated[bool, Field(exclude_if=operator.not_)]
"""The option of a filter that is off by default: left out of a dump while it is off, so that a
recipe of an earlier version keeps its hash."""


class FilterOptions(_Values):
    """Filters to apply, and their thresholds; `app.curation.table` describes them."""

    no_input: bool = True
    """Replace spellings of "no input" (`<noinput>`, `N/A`, `None`, ...) by an empty input."""
    leftover_markers: bool = True
    """Remove markers of the prompt from the ends of an output; drop rows with others inside."""
    empty_output: bool = True
    """Drop rows without an output, or with a placeholder such as `<nooutput>`."""
    echo: bool = True
    """Drop rows whose output only repeats the instruction or the input."""
    refusal: bool = True
    """Drop rows whose output is a refusal, such as "As an AI language model, I cannot"."""
    cut_off: bool = True
    """Drop rows whose output ends in the middle of a sentence, a list or a code block."""
    repeated_text: bool = True
    """Drop rows whose output repeats the same words or lines in a loop."""
    most_repeats: int = Field(default=4, ge=2, le=1000)
    """Consecutive repetitions of the same words or line that make a loop for `repeated_text`."""
    invented_links: bool = True
    """Drop rows whose output has links that the instruction neither gives nor asks for, or
    placeholders for links."""
    other_language: bool = True
    """Drop rows whose output is in another language than both instruction and input."""
    language_certainty: float = Field(default=0.9, ge=0.5, le=1.0)
    """Probability that `other_language` requires for both languages, from 0 to 1."""
    language_letters: int = Field(default=30, ge=10, le=10_000)
    """Texts with fewer letters are too short for `other_language` to detect a language."""
    unseen_input: bool = False
    """Drop rows about an image, a file or a recording that a text model can't see."""
    wrong_arithmetic: bool = True
    """Drop rows that ask for the value of an arithmetic expression and get a wrong one."""
    invalid_json: bool = True
    """Drop rows that ask for JSON and get invalid JSON."""
    invalid_python: bool = True
    """Drop rows that ask for Python and get code that does not compile; it is never executed."""
    looping_end: LaterSwitch = False
    """Drop rows whose output ends in a loop of the same character, word, line or sentence."""
    broken_characters: LaterSwitch = False
    """Drop rows with characters that were lost (U+FFFD) or decoded wrongly (mojibake)."""
    control_tokens: LaterSwitch = False
    """Drop rows with control tokens of a chat template, such as `<|im_end|>`, unless they are about
    tokens."""


class NearnessOptions(_Values):
    """Rules for duplicates, within the data set and of the other data sets named."""

    exact_repeats: bool = True
    """Drop a row whose texts all equal those of an earlier row."""
    within: bool = False
    """Drop a row whose instruction is a near-duplicate of that of an earlier kept row."""
    threshold: float = Field(default=0.7, ge=0.0, le=1.0)
    """Two instructions with a ROUGE-L F-measure above this are near-duplicates."""
    tokenizer: Literal["unicode", "rouge"] = "unicode"
    """Tokenizer for ROUGE-L."""


class DecontaminationOptions(_Values):
    """Rules for an overlap with a test set."""

    words: int = Field(default=13, ge=3, le=100)
    """Length in words of a common sequence that is an overlap. A shorter test item overlaps when
    all of its words are found in a row, if it has at least `fewest_words`."""
    fewest_words: int = Field(default=5, ge=2, le=100)
    """Test items with fewer words are not compared by words: they would be found everywhere."""
    threshold: float = Field(default=0.7, ge=0.0, le=1.0)
    """A row overlaps a test item when the ROUGE-L F-measure of the item and the row's instruction
    (with or without its input) is above this."""
    drop: bool = True
    """Drop rows with an overlap; otherwise they are only reported."""


class SplitOptions(_Values):
    """Rules for splitting rows into train and test."""

    test_share: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Share of test rows, from 0 to 1; 0 makes no test split."""
    threshold: float = Field(default=0.7, ge=0.0, le=1.0)
    """Rows whose instructions have a ROUGE-L F-measure above this go to the same split."""
    seed: int = Field(default=0, ge=0, le=2**63 - 1)
    """Random seed of the split."""


class SourceOptions(_Values):
    """Share of one source in a mix."""

    weight: float | None = Field(default=None, gt=0.0, le=1e9)
    """Share in the mix, relative to the other weights; None takes all rows of the source."""
    limit: int | None = Field(default=None, ge=0, le=10**9)
    """Maximum number of rows from this source."""


class MixOptions(_Values):
    """Rules for combining the sources of a data set."""

    total: int | None = Field(default=None, ge=1, le=10**9)
    """Total number of rows from sources with a weight; None: as many as the weights allow."""
    order: Literal["shuffled", "one_after_another"] = "one_after_another"
    """Order of the sources: one after the other, or interleaved at random. The rows of a source
    keep their order."""
    seed: int = Field(default=0, ge=0, le=2**63 - 1)
    """Random seed for choosing and ordering rows."""


class Recipe(_Values):
    """Rules for selecting the rows of a data set's sources."""

    filters: FilterOptions = FilterOptions()
    """Filters on single rows."""
    nearness: NearnessOptions = NearnessOptions()
    """Duplicates and near-duplicates."""
    decontamination: DecontaminationOptions = DecontaminationOptions()
    """Overlap with test sets."""
    mix: MixOptions = MixOptions()
    """Mix of several sources."""
    split: SplitOptions = SplitOptions()
    """Train and test split."""
