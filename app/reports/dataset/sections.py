"""The sections of a data set's report: title, explanation, plot, and its numbers as a table."""

from collections.abc import Callable, Sequence

from app.reports.dataset.comparison import comparison
from app.reports.dataset.facts import CardFacts
from app.reports.dataset.plots import filter_counts, rejection_counts
from app.reports.page import Section, Table
from app.reports.wording import DASH, number, part, ratio, share
from app.statistics.schema import LabelBalance, Lengths

_MOST_ROWS = 60


def sections(facts: CardFacts, drawn: dict[str, str]) -> list[Section]:
    """Return all sections in order, each with its plot if there is one."""
    made = [make(facts) for make in _SECTIONS]
    return [
        Section(
            each.name,
            each.title,
            each.lead,
            drawn.get(each.name),
            each.table,
            each.open_table,
            each.wide,
        )
        for each in made
    ]


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Table | None:
    return Table(headers, rows[:_MOST_ROWS], max(0, len(rows) - _MOST_ROWS)) if rows else None


def _paper(facts: CardFacts) -> Section:
    lead = "Figures published for other data sets, and the same figures for this one."
    table = comparison(facts.statistics, facts.runs)
    title = "Comparison with published data sets"
    return Section("paper", title, lead, table=table, open_table=True, wide=True)


def _verbs(facts: CardFacts) -> Section:
    verbs = facts.statistics.verbs
    if not verbs.looked_at:
        return Section("verbs", "Verbs and nouns", "Verbs and nouns were not counted.")
    way = (
        "by a word list and rules, which find other pairs than a parser"
        if verbs.method == "rules"
        else f"by a parser ({verbs.method})"
    )
    lead = (
        f"A root verb with a direct object was found in {number(verbs.found)} of "
        f"{number(verbs.looked_at)} distinct instructions ({part(verbs.found, verbs.looked_at)}), "
        f"{way}: {number(verbs.distinct_verbs)} verbs, {number(verbs.distinct_pairs)} pairs. The "
        f"listed pairs cover {share(verbs.covered_share)} of all instructions; a lower share means "
        f"more diverse instructions."
    )
    rows = [
        [
            each.verb,
            number(each.count),
            ", ".join(f"{n.text} ({number(n.count)})" for n in each.nouns),
        ]
        for each in verbs.verbs
    ]
    table = _table(["verb", "instructions", "most common direct objects"], rows)
    return Section("verbs", "Verbs and nouns", lead, table=table)


def _lengths(facts: CardFacts) -> Section:
    statistics = facts.statistics
    if not statistics.rows:
        return Section("lengths", "Lengths", "There are no rows.")
    kinds = {
        "instruction (distinct)": statistics.instruction_words,
        "input (non-empty)": statistics.input_words,
        "output": statistics.output_words,
    }
    rows = [_length_row(name, each) for name, each in kinds.items()]
    lead = "In whitespace-separated words, as the paper counts them."
    table = _table(["", "texts", "mean", "median", "95th percentile", "longest"], rows)
    return Section("lengths", "Lengths", lead, table=table, open_table=True)


def _length_row(name: str, each: Lengths) -> list[str]:
    figures = (each.mean, each.median, each.p95, each.longest)
    return [name, number(each.count), *(DASH if f is None else number(f) for f in figures)]


def _seed_similarity(facts: CardFacts) -> Section:
    name, title = "seed-similarity", "Similarity to seeds"
    near = facts.statistics.seed_similarity
    if not near.scored:
        return Section(name, title, "The similarity of the rows to seeds is not known.")
    unknown = f" It is unknown for {number(near.unknown)} rows." if near.unknown else ""
    lead = (
        f"The highest ROUGE-L F of a row's instruction to any seed: {ratio(near.mean)} on average "
        f"over {number(near.scored)} rows. Low values mean new instructions.{unknown}"
    )
    rows = [
        [f"{each.low:.1f} to {each.high:.1f}", number(each.count), part(each.count, near.scored)]
        for each in near.bins
    ]
    return Section(name, title, lead, table=_table(["ROUGE-L", "rows", "share"], rows))


def _label_balance(facts: CardFacts) -> Section:
    name, title = "label-balance", "Label balance: output-first and input-first"
    labels = facts.statistics.labels
    if not labels.all_rows.within.instructions:
        why = "No classification instruction is known to have two or more instances"
        return Section(name, title, f"{why}, so label balance cannot be measured.")
    ways = {"output first": labels.output_first, "input first": labels.input_first}
    missing = [way for way, balance in ways.items() if not balance.within.instructions]
    lead = (
        "A model that writes inputs first gives most of them the same label, so the method "
        "writes labels first for classification tasks. Evenness 1 is perfect balance, 0 a single "
        "label."
    )
    unseen = f" No instruction with several instances is known to be made {' or '.join(missing)}."
    lead += unseen if missing else ""
    rows = [_balance_row(way, balance) for way, balance in {**ways, "all": labels.all_rows}.items()]
    headers = ["made", "instructions", "mean evenness", "one label only"]
    headers.append("share of most common label")
    return Section(name, title, lead, table=_table(headers, rows), open_table=True)


def _balance_row(way: str, balance: LabelBalance) -> list[str]:
    within = balance.within
    if not within.instructions:
        return [way, "0", DASH, DASH, DASH]
    return [
        way,
        number(within.instructions),
        ratio(within.mean_evenness),
        f"{number(within.one_label_only)} ({part(within.one_label_only, within.instructions)})",
        share(within.mean_commonest_share),
    ]


def _labels(facts: CardFacts) -> Section:
    whole = facts.statistics.labels.all_rows.whole
    if not whole.rows:
        return Section(
            "labels", "Labels", "No row is known to belong to a classification instruction."
        )
    lead = (
        f"{number(whole.rows)} classification rows have {number(whole.distinct)} labels; their "
        f"entropy is {ratio(whole.entropy_bits)} bits, evenness {ratio(whole.evenness)}."
    )
    rows = [[each.text, number(each.count), part(each.count, whole.rows)] for each in whole.top]
    return Section("labels", "Labels", lead, table=_table(["label", "rows", "share"], rows))


def _acceptance(facts: CardFacts) -> Section:
    if not facts.runs:
        why = "This data set was not made by a run of this service."
        return Section("acceptance", "Accepted instructions", why)
    rows = [
        [
            run.run_id,
            number(run.candidates),
            number(run.accepted),
            share(run.accepted / run.candidates if run.candidates else None),
            number(run.calls),
        ]
        for run in facts.runs
    ]
    lead = "A flattening line means that further calls yield fewer new instructions."
    headers = ["run", "candidates", "accepted", "acceptance rate", "model calls"]
    return Section("acceptance", "Accepted instructions", lead, table=_table(headers, rows))


def _rejections(facts: CardFacts) -> Section:
    counts = rejection_counts(facts.runs)
    if not counts:
        return Section("rejections", "Rejected candidates", "No rejections are recorded.")
    rows = [[stage, reason, number(count)] for stage, reason, count in counts]
    lead = "Model output rejected by a rule; each one is stored with its reason."
    table = _table(["stage", "reason", "count"], rows)
    return Section("rejections", "Rejected candidates", lead, table=table)


def _filters(facts: CardFacts) -> Section:
    if not facts.filters:
        return Section("filters", "Filters", "No filters were used.")
    counts = filter_counts(facts.filters)
    lead = "In this order: " + ", ".join(
        f"{each.name} ({number(each.looked_at)} rows checked)" for each in facts.filters
    )
    rows = [[name, what, reason, number(count)] for name, what, reason, count in counts]
    lead += "." if counts else ". They dropped and changed nothing."
    table = _table(["filter", "action", "reason", "rows"], rows)
    return Section("filters", "Filters", lead, table=table)


def _splits(facts: CardFacts) -> Section:
    splits = facts.statistics.splits
    if len(splits) < 2:
        return Section("splits", "Splits", "The data set is not split.")
    whole = facts.statistics.rows
    rows = [[name, number(count), part(count, whole)] for name, count in splits.items()]
    lead = "Rows by split."
    return Section("splits", "Splits", lead, table=_table(["split", "rows", "share"], rows))


def _decontamination(facts: CardFacts) -> Section:
    name, title = "decontamination", "Decontamination"
    if not facts.decontamination:
        why = "The rows were not checked against any test set; overlap is unknown."
        return Section(name, title, why)
    lead = " ".join(
        f"{each.test_set} ({number(each.test_rows)} rows; {', '.join(each.methods)}): "
        f"{number(each.hits)} of {number(each.checked)} rows overlap, {number(each.dropped)} of "
        f"them dropped."
        for each in facts.decontamination
    )
    rows = [
        [
            each.test_set,
            hit.method,
            DASH if hit.score is None else ratio(hit.score),
            hit.text,
            hit.test_text,
        ]
        for each in facts.decontamination
        for hit in each.examples
    ]
    table = _table(["test set", "method", "score", "row", "test row"], rows)
    return Section(name, title, lead, table=table, open_table=True, wide=True)


_SECTIONS: tuple[Callable[[CardFacts], Section], ...] = (
    _paper,
    _verbs,
    _lengths,
    _seed_similarity,
    _label_balance,
    _labels,
    _acceptance,
    _rejections,
    _filters,
    _splits,
    _decontamination,
)
