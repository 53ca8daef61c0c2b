"""The statistics of a data set as one model: the paper's table 1 and more."""

from pydantic import BaseModel, ConfigDict


class Figures(BaseModel):
    """Base of all statistics models: frozen, JSON in the API.

    Unknown fields of JSON stored by another version are ignored.
    """

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Counted(Figures):
    """A text and how often it occurs."""

    text: str
    count: int


class LengthBin(Figures):
    """Number of texts with a length within two limits."""

    low: int
    """Lowest number of words in the bin."""
    high: int | None
    """Highest number of words in the bin, inclusive; null: no limit."""
    count: int


class Lengths(Figures):
    """Lengths of texts in whitespace-separated words, as the paper counts them.

    In a script without spaces between words, a whole sentence is one word.
    """

    count: int
    """Number of texts measured."""
    mean: float | None
    """Null when no text was measured."""
    median: int | None
    """The lower of the two middle values when the count is even."""
    p95: int | None
    """95th percentile."""
    longest: int | None
    bins: list[LengthBin]
    """From the shortest up, each about 1.4 times as long as the one before; none is left out."""


class ScoreBin(Figures):
    """Number of scores within two limits."""

    low: float
    """Lowest score of the bin, inclusive."""
    high: float
    """Upper limit, exclusive; 1 is in the last bin."""
    count: int


class SeedSimilarity(Figures):
    """Similarity of instructions to their nearest seed task, by ROUGE-L F."""

    scored: int
    """Rows whose score is known."""
    unknown: int
    """Rows whose score is not known."""
    mean: float | None
    bins: list[ScoreBin]
    """Ten of equal width from 0 to 1."""


class VerbNouns(Figures):
    """A root verb and its most common direct objects."""

    verb: str
    count: int
    """Instructions with this root verb and some direct object."""
    nouns: list[Counted]
    """Its most common direct objects, at most four."""


class VerbDiversity(Figures):
    """Root verbs and their direct objects in distinct instructions, as in the paper's figure 2."""

    method: str
    """``spacy:MODEL VERSION`` or ``rules``, which can't be compared; ``none``: not counted."""
    looked_at: int
    """Distinct instructions; only their first sentence is read."""
    found: int
    """Instructions in which a root verb with a direct object was found."""
    distinct_verbs: int
    distinct_pairs: int
    verbs: list[VerbNouns]
    """The 20 most common verbs, most common first."""
    covered: int
    """Instructions with a listed verb and a listed noun of it."""
    covered_share: float | None
    """Share of `covered` in all instructions that were read."""
    undercounted_by: int
    """Upper bound of the error of any count (counts can be too low); 0: all are exact."""


class LabelDistribution(Figures):
    """Distribution of classification rows over labels.

    A label is an output, ignoring case, white space and a full stop at its end.
    """

    rows: int
    distinct: int
    """Different labels."""
    top: list[Counted]
    """The most common labels, most common first."""
    undercounted_by: int
    """Upper bound of the error of counts in `top` (they can be too low); 0: all are exact."""
    entropy_bits: float | None
    """Entropy in bits; 0: always the same label. Null without rows."""
    evenness: float | None
    """Entropy divided by its maximum for this number of labels: 1 is perfect balance, 0 a single
    label. Null without rows."""


class InstructionBalance(Figures):
    """Label balance within single classification instructions.

    Only instructions with two or more instances are counted.
    """

    instructions: int
    one_label_only: int
    """Instructions all of whose instances have the same label."""
    mean_evenness: float | None
    """Mean over instructions of the entropy divided by its maximum for this number of labels: 1 is
    perfect balance, 0 a single label."""
    mean_commonest_share: float | None
    """Mean share of the most common label of an instruction; lower is more balanced."""
    evenness: list[ScoreBin]
    """Instructions by their evenness."""


class LabelBalance(Figures):
    """Label balance of all rows, and within single instructions."""

    whole: LabelDistribution
    within: InstructionBalance


class Labels(Figures):
    """Label balance of classification rows, in total and by how instances were generated.

    The paper generates labels first for classification tasks, because a model that generates inputs
    first gives most of them the same label. Here the two can be compared.
    """

    all_rows: LabelBalance
    output_first: LabelBalance
    """Rows generated label first."""
    input_first: LabelBalance
    """Rows generated input first."""
    way_unknown: int
    """Classification rows for which it is not known."""


class Statistics(Figures):
    """The statistics of a data set; counts are of rows unless they say instructions.

    A row is what the paper calls an instance.
    """

    rows: int
    instructions: int
    """Distinct instructions, compared without normalisation."""
    classification: int
    """Distinct instructions known to be classification tasks."""
    not_classification: int
    unknown_class: int
    """Distinct instructions for which it is unknown if they are classification tasks."""
    with_input: int
    empty_input: int
    input_share: float | None
    """Share of rows with an input; null without rows."""
    empty_output: int
    chats: int
    """Rows with earlier turns before their last exchange."""
    splits: dict[str, int]
    mended: dict[str, int]
    """Rows that filters changed, by reason."""
    instruction_words: Lengths
    """Each distinct instruction counts once, as in the paper."""
    input_words: Lengths
    """Without empty inputs."""
    output_words: Lengths
    """Including empty outputs."""
    seed_similarity: SeedSimilarity
    verbs: VerbDiversity
    labels: Labels
