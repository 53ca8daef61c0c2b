"""This data set next to the paper's table 1 and Alpaca."""

from collections.abc import Sequence

from app.reports.dataset.published import ALPACA, SELF_INSTRUCT, Published
from app.reports.page import Table
from app.reports.wording import DASH, UNKNOWN, money, number, share
from app.statistics.run_facts import RunFacts
from app.statistics.schema import Statistics

_NOT_SAID = DASH


def comparison(statistics: Statistics, runs: Sequence[RunFacts]) -> Table:
    """Return a table of this data set next to the figures published by the paper and Alpaca."""
    headers = ["", SELF_INSTRUCT.name, ALPACA.name, "this data set"]
    return Table(headers, [*_counts(statistics), *_words(statistics), *_others(statistics, runs)])


def total_cost_usd(runs: Sequence[RunFacts]) -> float | None:
    """Return the cost of all runs in US dollars.

    Returns:
        None when there is no run, or the cost of any run is unknown.
    """
    costs = [run.cost_usd for run in runs if run.cost_usd is not None]
    return sum(costs) if runs and len(costs) == len(runs) else None


def _counts(of: Statistics) -> list[list[str]]:
    rows = [
        ("distinct instructions", "instructions", of.instructions),
        ("classification instructions", "classification", of.classification),
        ("other instructions", "not_classification", of.not_classification),
    ]
    table = [_row(name, field, number(value)) for name, field, value in rows]
    table.append(["instructions of unknown class", _NOT_SAID, _NOT_SAID, number(of.unknown_class)])
    rows = [
        ("instances (rows)", "rows", of.rows),
        ("instances with empty input", "empty_input", of.empty_input),
        ("instances with empty output", "empty_output", of.empty_output),
    ]
    return table + [_row(name, field, number(value)) for name, field, value in rows]


def _words(of: Statistics) -> list[list[str]]:
    return [
        _row("mean words of an instruction", "instruction_words", _mean(of.instruction_words.mean)),
        _row("mean words of a non-empty input", "input_words", _mean(of.input_words.mean)),
        _row("mean words of an output", "output_words", _mean(of.output_words.mean)),
    ]


def _others(of: Statistics, runs: Sequence[RunFacts]) -> list[list[str]]:
    verbs = of.verbs
    found = number(verbs.found) if verbs.looked_at else _NOT_SAID
    covered = share(verbs.covered_share) if verbs.looked_at else _NOT_SAID
    cost = money(total_cost_usd(runs)) if runs else UNKNOWN
    return [
        _row("instructions with verb and noun", "verbs_found", found),
        _row("covered by the 20 most common verbs", "verbs_covered_share", covered),
        ["cost of model calls", SELF_INSTRUCT.cost, ALPACA.cost, cost],
    ]


def _mean(value: float | None) -> str:
    return _NOT_SAID if value is None else number(value)


def _row(name: str, field: str, here: str) -> list[str]:
    return [name, _cell(SELF_INSTRUCT, field), _cell(ALPACA, field), here]


def _cell(of: Published, field: str) -> str:
    value = getattr(of, field)
    if value is None:
        return _NOT_SAID
    return share(value) if field.endswith("share") else number(value)
