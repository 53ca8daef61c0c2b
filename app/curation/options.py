"""What a user may decide about a data set's rows, with sensible defaults: the parts of a recipe."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Values(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class FilterOptions(_Values):
    """Which filters are applied, and their thresholds; `app.curation.table` says what each does."""

    no_input: bool = True
    """Make the spellings of "no input" (`<noinput>`, `N/A`, `None`, ...) an empty input."""
    leftover_markers: bool = True
    """Remove markers of the prompt from the ends of an output; drop rows with others inside."""
    empty_output: bool = True
    """Drop rows without an output, or with one such as `<nooutput>`."""
    echo: bool = True
    """Drop rows whose output only says the instruction or the input again."""
    refusal: bool = True
    """Drop rows whose output refuses, such as "As an AI language model, I cannot"."""
    cut_off: bool = True
    """Drop rows whose output ends in the midst of a sentence, a list or a code block."""
    repeated_text: bool = True
    """Drop rows whose output says the same words or lines again and again."""
    most_repeats: int = Field(default=4, ge=2, le=1000)
    """The same words or line so many times in a row, or more, are a loop for `repeated_text`."""
    invented_links: bool = True
    """Drop rows whose output has links that nobody gave or asked for, or stand-ins for links."""
    other_language: bool = True
    """Drop rows whose output is in another language than both instruction and input."""
    language_certainty: float = Field(default=0.9, ge=0.5, le=1.0)
    """How sure `other_language` must be of both languages, as a probability."""
    language_letters: int = Field(default=30, ge=10, le=10_000)
    """Texts with fewer letters tell no language for `other_language`."""
    unseen_input: bool = False
    """Drop rows about an image, a file or a recording that a text model cannot see."""
    wrong_arithmetic: bool = True
    """Drop rows that ask for the value of an arithmetic expression and get another one."""
    invalid_json: bool = True
    """Drop rows that ask for JSON and get what is meant as JSON but is none."""
    invalid_python: bool = True
    """Drop rows that ask for Python and get code that does not compile; it is never executed."""


class NearnessOptions(_Values):
    """What counts as a repeat, within the data set and of the data sets it is held against."""

    exact_repeats: bool = True
    """Drop a row that is equal to an earlier one in all its texts."""
    within: bool = False
    """Drop a row whose instruction is near that of an earlier row that stays."""
    threshold: float = Field(default=0.7, ge=0.0, le=1.0)
    """A ROUGE-L F-measure of two instructions above this is near."""
    tokenizer: Literal["unicode", "rouge"] = "unicode"
    """How texts become words for ROUGE-L."""


class DecontaminationOptions(_Values):
    """What counts as an overlap with a test set."""

    words: int = Field(default=13, ge=3, le=100)
    """So many words in a row that are in a test item, too, are an overlap. A test item with fewer
    words overlaps where all of them are found in a row, if there are at least `fewest_words`."""
    fewest_words: int = Field(default=5, ge=2, le=100)
    """Test items with fewer words are not looked for word by word: they would be found anywhere."""
    threshold: float = Field(default=0.7, ge=0.0, le=1.0)
    """A ROUGE-L F-measure of a row's instruction (with or without its input) and a test item above
    this is an overlap."""
    drop: bool = True
    """Whether rows with an overlap are dropped; if not, they are only reported."""


class SplitOptions(_Values):
    """How rows are parted into train and test."""

    test_share: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Wanted share of test rows; 0 makes no test split."""
    threshold: float = Field(default=0.7, ge=0.0, le=1.0)
    """Rows whose instructions have a ROUGE-L F-measure above this are on the same side."""
    seed: int = Field(default=0, ge=0, le=2**63 - 1)
    """Another one gives another split."""


class SourceOptions(_Values):
    """How much of one source goes into a mix."""

    weight: float | None = Field(default=None, gt=0.0, le=1e9)
    """Its part in the mix, relative to the other weights; None takes the source whole."""
    limit: int | None = Field(default=None, ge=0)
    """At most so many of its rows."""


class MixOptions(_Values):
    """How the sources of a data set are put together."""

    total: int | None = Field(default=None, ge=1)
    """Wanted rows of those sources that have a weight; None: as many as the weights allow."""
    order: Literal["shuffled", "one_after_another"] = "one_after_another"
    """Whether the sources are interleaved; the rows of one source keep their order."""
    seed: int = Field(default=0, ge=0, le=2**63 - 1)
    """Another one takes other rows."""


class Recipe(_Values):
    """What is done to the rows of a data set's sources."""

    filters: FilterOptions = FilterOptions()
    """Rules on each row by itself."""
    nearness: NearnessOptions = NearnessOptions()
    """Repeats and near-duplicates."""
    decontamination: DecontaminationOptions = DecontaminationOptions()
    """Overlap with test sets."""
    mix: MixOptions = MixOptions()
    """Rows of several sources."""
    split: SplitOptions = SplitOptions()
    """Train and test."""
