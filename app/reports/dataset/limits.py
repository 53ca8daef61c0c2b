"""What whoever uses a data set should know against it, as far as the facts tell."""

from app.reports.dataset.facts import CardFacts
from app.reports.wording import number, part

_UNCHECKED = (
    "Nothing recorded here says that people have checked the rows. For scale: of 200 rows of the "
    "paper's data an expert found 54 % right in instruction, input and output alike."
)


def known_limits(facts: CardFacts) -> list[str]:
    """Return sentences, each true of these facts."""
    return [*_of_rows(facts), *_of_balance(facts), *_of_origin(facts)]


def _of_rows(facts: CardFacts) -> list[str]:
    statistics = facts.statistics
    limits = [_UNCHECKED]
    if statistics.rows and not statistics.with_input:
        limits.append("No row has an input: a model trained on it may learn to do without.")
    if statistics.empty_output:
        empty = part(statistics.empty_output, statistics.rows)
        limits.append(f"Rows with an empty output: {number(statistics.empty_output)} ({empty}).")
    if statistics.unknown_class:
        limits.append(
            "Distinct instructions of which it is unknown whether they are classification: "
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
            "Classification instructions with two rows or more that have one label only: "
            f"{number(within.one_label_only)} of {number(within.instructions)}."
        )
    if facts.statistics.verbs.method == "rules":
        limits.append(
            "Verbs and nouns were found by a word list and rules, not by a parser: their figures "
            "do not compare with the paper's, and hold for English only."
        )
    return limits


def _of_origin(facts: CardFacts) -> list[str]:
    limits = []
    if not facts.decontamination:
        limits.append(
            "Scores on public test sets may be inflated: the rows were held against none."
        )
    if any(each.licence is None for each in facts.sources if each.kind != "run"):
        limits.append("The licence of at least one source is unknown.")
    if not facts.languages:
        limits.append("The languages of the rows are unknown.")
    return limits
