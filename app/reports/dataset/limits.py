"""Known limits of a data set, as far as the recorded facts show them."""

from app.reports.dataset.facts import CardFacts
from app.reports.wording import number, part

_UNCHECKED = (
    "No check of the rows by people is recorded. For comparison: an expert rated 54 % of 200 rows "
    "of the Self-Instruct paper's data as correct in instruction, input and output."
)


def known_limits(facts: CardFacts) -> list[str]:
    """Return one sentence for each limit that these facts show."""
    return [*_of_rows(facts), *_of_balance(facts), *_of_origin(facts)]


def _of_rows(facts: CardFacts) -> list[str]:
    statistics = facts.statistics
    limits = [_UNCHECKED]
    if statistics.rows and not statistics.with_input:
        limits.append(
            "No row has an input: a model trained on the data may learn to ignore inputs."
        )
    if statistics.empty_output:
        empty = part(statistics.empty_output, statistics.rows)
        limits.append(f"Rows with an empty output: {number(statistics.empty_output)} ({empty}).")
    if statistics.unknown_class:
        limits.append(
            "Distinct instructions that may or may not be classification tasks (unknown): "
            f"{number(statistics.unknown_class)} of {number(statistics.instructions)}."
        )
    undecided = sum(each.failed for each in facts.filters)
    if undecided:
        limits.append(f"Rows that a filter could not decide on: {number(undecided)}.")
    return limits


def _of_balance(facts: CardFacts) -> list[str]:
    within = facts.statistics.labels.all_rows.within
    limits = []
    if within.one_label_only:
        limits.append(
            "Classification instructions with two or more rows but only one label: "
            f"{number(within.one_label_only)} of {number(within.instructions)}."
        )
    if facts.statistics.verbs.method == "rules":
        limits.append(
            "Verbs and nouns were found by a word list and rules, not by a parser: the figures "
            "cannot be compared with the paper's and are valid for English only."
        )
    return limits


def _of_origin(facts: CardFacts) -> list[str]:
    limits = []
    if not facts.decontamination:
        limits.append(
            "Scores on public test sets may be inflated: the rows were not checked against any."
        )
    if any(each.licence is None for each in facts.sources if each.kind != "run"):
        limits.append("The licence of at least one source is unknown.")
    if not facts.languages:
        limits.append("The languages of the rows are unknown.")
    return limits
