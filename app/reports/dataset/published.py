"""Published figures of other data sets, for comparison.

Wang et al. 2022, "Self-Instruct" (arXiv 2212.10560), table 1, figure 2 and section 3; Taori et al.
2023, "Stanford Alpaca", its announcement and its published file. None: not published.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """The figures of one published data set, for the rows of `comparison`."""

    name: str
    instructions: int | None = None
    classification: int | None = None
    not_classification: int | None = None
    rows: int | None = None
    empty_input: int | None = None
    empty_output: int | None = None
    instruction_words: float | None = None
    input_words: float | None = None
    output_words: float | None = None
    verbs_found: int | None = None
    verbs_covered_share: float | None = None
    cost: str = ""


SELF_INSTRUCT = Published(
    name="Self-Instruct (2022)",
    instructions=52_445,
    classification=11_584,
    not_classification=40_861,
    rows=82_439,
    empty_input=35_878,
    instruction_words=15.9,
    input_words=12.7,
    output_words=18.9,
    verbs_found=26_559,
    verbs_covered_share=0.14,
    cost="about $600",
)

ALPACA = Published(
    name="Alpaca (2023)",
    instructions=52_002,
    rows=52_002,
    # 20,679 of its rows have an input.
    empty_input=31_323,
    empty_output=28,
    cost="under $500",
)
