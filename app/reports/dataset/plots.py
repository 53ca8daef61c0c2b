"""The plots of a data set, for the report and for image files next to the card."""

from collections.abc import Callable, Iterable, Sequence

from app.reports.dataset.facts import CardFacts, FilterFacts
from app.reports.drawings.bars import Bar, bar_chart, grouped_bar_chart, histogram
from app.reports.drawings.lines import Line, line_chart
from app.reports.drawings.sunburst import Sector, sunburst
from app.reports.drawings.svg import Caption
from app.reports.wording import DASH, number, part, ratio, share
from app.statistics.run_facts import RunFacts
from app.statistics.schema import Lengths, ScoreBin

MOST_BARS = 16
_MOST_LINES = 8


def plots(facts: CardFacts) -> dict[str, str]:
    """Return every plot that has data, as SVG by name; the same facts give the same bytes."""
    drawn = {name: draw(facts) for name, draw in _PLOTS.items()}
    return {name: svg for name, svg in drawn.items() if svg is not None}


def _verbs(facts: CardFacts) -> str | None:
    verbs = facts.statistics.verbs
    if not verbs.verbs:
        return None
    description = (
        f"The {len(verbs.verbs)} most common root verbs, each with up to four of its most common "
        f"direct objects; they cover {share(verbs.covered_share)} of "
        f"{number(verbs.looked_at)} distinct instructions. Most common: "
        + ", ".join(f"{each.verb} ({number(each.count)})" for each in verbs.verbs[:5])
    )
    sectors = [
        Sector(each.verb, each.count, [(noun.text, noun.count) for noun in each.nouns])
        for each in verbs.verbs
    ]
    return sunburst(Caption("verbs", "Verbs and direct objects", description), sectors)


def _lengths(facts: CardFacts) -> str | None:
    statistics = facts.statistics
    kinds = {
        "instruction": statistics.instruction_words,
        "input, if any": statistics.input_words,
        "output": statistics.output_words,
    }
    measured = {name: each for name, each in kinds.items() if each.count}
    if not measured:
        return None
    places = [_range(each.low, each.high) for each in _longest(measured.values()).bins]
    lines = [
        Line(name, [(i, 100 * b.count / each.count) for i, b in enumerate(each.bins)])
        for name, each in measured.items()
    ]
    description = "Share of texts in per cent by length in words. " + "; ".join(
        f"{name}: mean {number(each.mean)}, median {number(each.median)}"
        for name, each in measured.items()
    )
    caption = Caption("lengths", "Text lengths (% of texts)", description)
    return line_chart(caption, lines, "words (lower limit of the bin)", places)


def _longest(kinds: Iterable[Lengths]) -> Lengths:
    return max(kinds, key=lambda each: len(each.bins))


def _range(low: int, high: int | None) -> str:
    if high is None:
        return f"{low}+"
    return str(low) if low == high else f"{low}{DASH}{high}"


def _seed_similarity(facts: CardFacts) -> str | None:
    near = facts.statistics.seed_similarity
    if not near.scored:
        return None
    description = (
        f"Rows by the ROUGE-L F of their instruction to the nearest seed; mean "
        f"{ratio(near.mean)} over {number(near.scored)} rows."
    )
    caption = Caption("seed-similarity", "Similarity to the nearest seed", description)
    return histogram(caption, _bars(near.bins), "ROUGE-L F to the nearest seed")


def _bars(bins: Sequence[ScoreBin], whole: int = 0) -> list[Bar]:
    """Return one bar per bin, in per cent of `whole` if that is given."""
    return [
        Bar(
            f"{each.low:.1f}{DASH}{each.high:.1f}",
            100 * each.count / whole if whole else each.count,
            part(each.count, whole) if whole else number(each.count),
        )
        for each in bins
    ]


def _label_balance(facts: CardFacts) -> str | None:
    labels = facts.statistics.labels
    ways = {"output first": labels.output_first, "input first": labels.input_first}
    known = {name: way.within for name, way in ways.items() if way.within.instructions}
    known = known or {"all": labels.all_rows.within}
    known = {name: each for name, each in known.items() if each.instructions}
    if not known:
        return None
    description = (
        "Classification instructions by how evenly their instances are spread over labels: 0 means "
        "a single label, 1 perfect balance. "
        + "; ".join(
            f"{name}: mean {ratio(each.mean_evenness)} over {number(each.instructions)}"
            for name, each in known.items()
        )
    )
    caption = Caption("label-balance", "Label balance (% of instructions)", description)
    series = {name: _bars(each.evenness, each.instructions) for name, each in known.items()}
    groups = [bar.name for bar in next(iter(series.values()))]
    return grouped_bar_chart(caption, groups, series, "evenness of the labels of an instruction")


def _labels(facts: CardFacts) -> str | None:
    whole = facts.statistics.labels.all_rows.whole
    if not whole.rows:
        return None
    bars = [
        Bar(
            each.text or "(empty)",
            each.count,
            f"{number(each.count)} · {part(each.count, whole.rows)}",
        )
        for each in whole.top
    ]
    description = (
        f"The most common of {number(whole.distinct)} labels in {number(whole.rows)} "
        f"classification rows; evenness of all labels {ratio(whole.evenness)}."
    )
    return bar_chart(Caption("labels", "Most common labels", description), bars)


def _acceptance(facts: CardFacts) -> str | None:
    runs = [run for run in facts.runs if len(run.acceptance) > 1][:_MOST_LINES]
    if not runs:
        return None
    lines = [
        Line(run.run_id, [(point.calls, point.accepted) for point in run.acceptance])
        for run in runs
    ]
    description = "Accepted instructions by number of model calls. " + "; ".join(
        f"{run.run_id}: {number(run.accepted)} in {number(run.calls)} calls" for run in runs
    )
    return line_chart(
        Caption("acceptance", "Accepted instructions", description), lines, "model calls"
    )


def rejection_counts(runs: Sequence[RunFacts]) -> list[tuple[str, str, int]]:
    """Return stage, reason and count over all runs, by stage and then by descending count."""
    counts: dict[tuple[str, str], int] = {}
    for run in runs:
        for stage, reasons in run.rejected.items():
            for reason, count in reasons.items():
                counts[stage, reason] = counts.get((stage, reason), 0) + count
    stages = list(dict.fromkeys(stage for stage, _ in counts))
    ordered = sorted(counts.items(), key=lambda each: (stages.index(each[0][0]), -each[1]))
    return [(stage, reason, count) for (stage, reason), count in ordered]


def _rejections(facts: CardFacts) -> str | None:
    counts = rejection_counts(facts.runs)
    if not counts:
        return None
    stages = list(dict.fromkeys(stage for stage, _, _ in counts))
    shown = sorted(counts, key=lambda each: -each[2])[:MOST_BARS]
    bars = [Bar(reason, count, series=stages.index(stage)) for stage, reason, count in shown]
    total = sum(count for _, _, count in counts)
    description = f"Rejected candidates by reason: {number(total)} in total."
    caption = Caption("rejections", "Rejected candidates by reason", description)
    return bar_chart(caption, bars, stages)


def filter_counts(filters: Sequence[FilterFacts]) -> list[tuple[str, str, str, int]]:
    """Return filter, action, reason and count, in the order of the filters."""
    counts: list[tuple[str, str, str, int]] = []
    for each in filters:
        for what, reasons in (("dropped", each.dropped), ("mended", each.mended)):
            ordered = sorted(reasons.items(), key=lambda item: -item[1])
            counts += [(each.name, what, reason, count) for reason, count in ordered]
        counts += [(each.name, "undecided", "no answer", each.failed)] if each.failed else []
    return counts


def _filters(facts: CardFacts) -> str | None:
    counts = filter_counts(facts.filters)
    if not counts:
        return None
    whats = [
        what for what in ("dropped", "mended", "undecided") if any(c[1] == what for c in counts)
    ]
    shown = sorted(counts, key=lambda each: -each[3])[:MOST_BARS]
    bars = [
        Bar(f"{name}: {reason}", n, series=whats.index(what)) for name, what, reason, n in shown
    ]
    dropped = sum(count for _, what, _, count in counts if what == "dropped")
    description = f"Effect of the filters by reason; {number(dropped)} rows were dropped in total."
    return bar_chart(Caption("filters", "Effect of the filters", description), bars, whats)


def _splits(facts: CardFacts) -> str | None:
    splits = facts.statistics.splits
    if len(splits) < 2:
        return None
    rows = facts.statistics.rows
    bars = [Bar(name, n, f"{number(n)} · {part(n, rows)}") for name, n in splits.items()]
    description = "Rows by split: " + ", ".join(f"{name} {number(n)}" for name, n in splits.items())
    return bar_chart(Caption("splits", "Splits", description), bars)


_PLOTS: dict[str, Callable[[CardFacts], str | None]] = {
    "verbs": _verbs,
    "lengths": _lengths,
    "seed-similarity": _seed_similarity,
    "label-balance": _label_balance,
    "labels": _labels,
    "acceptance": _acceptance,
    "rejections": _rejections,
    "filters": _filters,
    "splits": _splits,
}
