"""The last sections of a data set's report: sources, cost, files and example rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from app.dataset_row import DatasetRow
from app.reports.dataset.comparison import total_cost_usd
from app.reports.dataset.facts import CardFacts, licence_of
from app.reports.page import Headline, Section, Table
from app.reports.wording import UNKNOWN, cut, money, number, share, size

_MOST_EXAMPLES = 20
_MOST_RUNS = 40
_MOST_CHARACTERS = 700
_KINDS = {"run": "run", "seed_set": "seed set", "import": "imported"}


@dataclass(frozen=True, slots=True)
class Example:
    """A row as shown in the report, with long texts cut."""

    position: int
    split: str
    instruction: str
    input: str
    output: str
    turns_before: int


def headlines(facts: CardFacts) -> list[Headline]:
    """Return the key figures at the top of the report; unknown ones are left out."""
    statistics = facts.statistics
    lines = [
        Headline(number(statistics.rows), "rows"),
        Headline(number(statistics.instructions), "distinct instructions"),
    ]
    if statistics.rows:
        lines.append(Headline(share(statistics.input_share), "with an input"))
        lines.append(Headline(number(statistics.output_words.mean), "words per output"))
    if statistics.verbs.looked_at:
        lines.append(Headline(number(statistics.verbs.distinct_pairs), "verb-noun pairs"))
    cost = total_cost_usd(facts.runs)
    if cost is not None:
        lines.append(Headline(money(cost), "for model calls"))
    return lines


def examples(rows: Iterable[DatasetRow]) -> list[Example]:
    """Return the first 20 rows as shown in the report."""
    return [
        Example(
            position=row.position,
            split=row.split,
            instruction=cut(row.record.instruction, _MOST_CHARACTERS),
            input=cut(row.record.input, _MOST_CHARACTERS),
            output=cut(row.record.output, _MOST_CHARACTERS),
            turns_before=len(row.record.history),
        )
        for row in islice(rows, _MOST_EXAMPLES)
    ]


def cost_section(facts: CardFacts) -> Section:
    """Return the section on models, tokens and cost of each run."""
    if not facts.runs:
        return Section("cost", "Cost", "This data set was not made by a run of this service.")
    total = total_cost_usd(facts.runs)
    lead = f"Total: {money(total)}."
    if total is None:
        lead = "The cost of at least one run is unknown: the price of its model was not set."
    estimated = sum(run.estimated_calls for run in facts.runs)
    if estimated:
        lead += f" The tokens of {number(estimated)} calls are estimated from the text."
    headers = ["run", "profile", "model", "calls", "prompt tokens", "cached", "completion tokens"]
    headers += ["cost", "cost per row"]
    rows = [
        [
            run.run_id,
            run.profile,
            ", ".join(run.models) or UNKNOWN,
            number(run.calls),
            number(run.prompt_tokens),
            UNKNOWN if run.cache_hit_share is None else share(run.cache_hit_share),
            number(run.completion_tokens),
            money(run.cost_usd),
            money(run.cost_per_row_usd),
        ]
        for run in facts.runs
    ]
    table = Table(headers, rows[:_MOST_RUNS], max(0, len(rows) - _MOST_RUNS))
    return Section("cost", "Cost", lead, table=table, open_table=True, wide=True)


def sources_section(facts: CardFacts) -> Section:
    """Return the section on sources and their licences."""
    if not facts.sources:
        return Section("sources", "Sources", "The sources of the rows are not recorded.")
    rows = [
        [
            _KINDS[each.kind],
            each.name,
            number(each.rows),
            licence_of(each),
            each.note,
        ]
        for each in facts.sources
    ]
    table = Table(["kind", "source", "rows", "licence", "note"], rows)
    lead = "Origins of the rows and of the seed tasks."
    return Section("sources", "Sources", lead, table=table, open_table=True, wide=True)


def files_section(facts: CardFacts) -> Section | None:
    """Return the section on files with their checksums; None when there are no files yet."""
    if not facts.files:
        return None
    rows = [
        [
            each.path,
            each.format,
            number(each.rows),
            UNKNOWN if each.size_bytes is None else size(each.size_bytes),
            each.sha256 or UNKNOWN,
        ]
        for each in facts.files
    ]
    table = Table(["file", "format", "rows", "size", "SHA-256"], rows)
    lead = "Data files and accompanying files, with checksums."
    return Section("files", "Files", lead, table=table, open_table=True, wide=True)
