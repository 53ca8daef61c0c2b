"""What a data set is like, as one value: the paper's table 1, and what a person asks after it."""

from pydantic import BaseModel, ConfigDict


class Figures(BaseModel):
    """A part of the statistics: frozen, JSON over the API, its fields described there.

    What was stored as JSON by another version is read as far as it is known.
    """

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Counted(Figures):
    """A text and how often it occurs."""

    text: str
    count: int


class LengthBin(Figures):
    """How many texts have a length within two borders."""

    low: int
    """The fewest words of the bin."""
    high: int | None
    """The most words of the bin, themselves in it; null: no border."""
    count: int


class Lengths(Figures):
    """How long texts are, in words parted by white space, as the paper counts them.

    A script without spaces between words makes one word of a whole sentence.
    """

    count: int
    """How many texts were measured."""
    mean: float | None
    """Null where there is none."""
    median: int | None
    """The lower of the two middle ones where the count is even."""
    p95: int | None
    """Not passed by 95 % of the texts."""
    longest: int | None
    bins: list[LengthBin]
    """From the shortest up, each about 1.4 times as long as the one before; none left out."""


class ScoreBin(Figures):
    """How many scores lie within two borders."""

    low: float
    """Lowest score of the bin, itself in it."""
    high: float
    """Border to the next bin, itself in that one; 1 is in the last."""
    count: int


class SeedSimilarity(Figures):
    """How near instructions are to the seed task nearest to them, by ROUGE-L F."""

    scored: int
    """Rows whose score is known."""
    unknown: int
    """Rows whose score is not known."""
    mean: float | None
    bins: list[ScoreBin]
    """Ten of equal width from 0 to 1."""


class VerbNouns(Figures):
    """A root verb and what it is commonly done to."""

    verb: str
    count: int
    """Instructions with this root verb and some direct object."""
    nouns: list[Counted]
    """Its commonest direct objects, at most four."""


class VerbDiversity(Figures):
    """Root verbs and their direct objects in distinct instructions, as in the paper's figure 2."""

    method: str
    """``spacy:MODEL VERSION`` or ``rules``, which do not compare; ``none``: nobody looked."""
    looked_at: int
    """Distinct instructions; only their first sentence is read."""
    found: int
    """Instructions in which a root verb with a direct object was found."""
    distinct_verbs: int
    distinct_pairs: int
    verbs: list[VerbNouns]
    """The 20 commonest verbs, the commonest first."""
    covered: int
    """Instructions that the listed verbs with the listed nouns stand for."""
    covered_share: float | None
    """Of all that were looked at."""
    undercounted_by: int
    """The most by which any count can be too low; 0: all are exact."""


class LabelDistribution(Figures):
    """How outputs of classification rows are spread over labels.

    A label is an output without regard to case, white space and a full stop at its end.
    """

    rows: int
    distinct: int
    """Different labels."""
    top: list[Counted]
    """The commonest labels, the commonest first."""
    undercounted_by: int
    """The most by which a count in `top` can be too low; 0: all are exact."""
    entropy_bits: float | None
    """0: always the same label. Null without rows."""
    evenness: float | None
    """Entropy over the highest that so many labels can have: 1 is perfect balance, 0 one label
    only. Null without rows."""


class InstructionBalance(Figures):
    """How balanced the labels of single classification instructions are.

    Only instructions with two instances or more are looked at: one instance has no balance.
    """

    instructions: int
    one_label_only: int
    """Instructions all of whose instances have the same label."""
    mean_evenness: float | None
    """Mean over instructions of entropy over the highest that so many labels can have: 1 is perfect
    balance, 0 one label only."""
    mean_commonest_share: float | None
    """Mean over instructions of the share of its commonest label; lower is more balanced."""
    evenness: list[ScoreBin]
    """Instructions by their evenness."""


class LabelBalance(Figures):
    """Balance of labels: of the whole, and within single instructions."""

    whole: LabelDistribution
    within: InstructionBalance


class Labels(Figures):
    """Label balance of classification rows, and by the way in which instances were made.

    The paper makes labels first because a model asked for inputs first makes most of them of one
    label; here the two stand side by side.
    """

    all_rows: LabelBalance
    output_first: LabelBalance
    """Rows whose instances were made label first."""
    input_first: LabelBalance
    """Rows whose instances were made input first."""
    way_unknown: int
    """Classification rows of which it is not known."""


class Statistics(Figures):
    """A data set in numbers; all counts are of rows but for those of instructions.

    A row is what the paper calls an instance.
    """

    rows: int
    instructions: int
    """Distinct instructions, compared as they are."""
    classification: int
    """Distinct instructions known to be answered by one of a few labels."""
    not_classification: int
    unknown_class: int
    """Distinct instructions of which no row says whether they are classification."""
    with_input: int
    empty_input: int
    input_share: float | None
    """Rows with an input, of all; null without rows."""
    empty_output: int
    chats: int
    """Rows with earlier turns before their last exchange."""
    splits: dict[str, int]
    mended: dict[str, int]
    """Rows that filters changed, by reason."""
    instruction_words: Lengths
    """One text a distinct instruction, as in the paper."""
    input_words: Lengths
    """Empty ones left out."""
    output_words: Lengths
    """Empty ones among them."""
    seed_similarity: SeedSimilarity
    verbs: VerbDiversity
    labels: Labels
