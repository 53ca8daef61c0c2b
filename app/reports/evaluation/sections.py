"""The sections of an evaluation's report, each with its numbers as a table."""

from collections.abc import Callable

from app.evaluation.evaluation_result import Evaluation, SourceFigures
from app.evaluation.metrics import (
    Comparison,
    Confusion,
    ExactMatch,
    ModelFigures,
    Perplexity,
)
from app.evaluation.summary import signed
from app.reports.drawings.interval_bars import written
from app.reports.evaluation.judging_sections import judge_sections, review_sections
from app.reports.evaluation.plots import shares
from app.reports.evaluation.tuning_sections import tuning_sections
from app.reports.page import Section, Table
from app.reports.wording import DASH, chance_of, number, part

_MOST_NARROW = 6
"""The most columns that fit into half of the page."""


def evaluation_sections(of: Evaluation, drawn: dict[str, str]) -> list[Section]:
    """Return all sections in order, each with its plot if there is one."""
    return [section for make in _SECTIONS for section in make(of, drawn)]


def _side_by_side(of: Evaluation, _: dict[str, str]) -> list[Section]:
    compared = {each.metric: each for each in of.comparisons}
    headers = ["", *(each.name for each in of.models)]
    headers += _COMPARED if compared else []
    rows = [
        [name, *(written(each) for each in values), *_compared(compared.get(name), bool(compared))]
        for name, values in shares(of).items()
    ]
    rows += _loss_rows(of, is_compared=bool(compared))
    table = Table(headers, rows)
    return [
        Section("figures", "Side by side", _lead(of), table=table, open_table=True, wide=True),
    ]


def _intervals(of: Evaluation, drawn: dict[str, str]) -> list[Section]:
    lead = "A dot is the measured value, the line its confidence interval."
    plot = drawn.get("side-by-side")
    table = _precision_and_recall(of)
    return [_answers(of), Section("side-by-side", "With intervals", lead, plot, table)]


def _by_source(of: Evaluation, _: dict[str, str]) -> list[Section]:
    if not of.sources:
        return []
    names = [model.name for model in of.models]
    headers = ["source", "tasks"]
    headers += [
        f"{metric}, {name}" for metric in ("exact match", "ROUGE-L F", "loss") for name in names
    ]
    headers += ["change of loss"] if len(names) > 1 else []
    rows = [_source_row(each, is_compared=len(names) > 1) for each in of.sources]
    lead = (
        "The same metrics for the tasks of each source of the data set. The intervals are not "
        "corrected for the number of sources."
    )
    table = Table(headers, rows)
    return [Section("sources", "By source", lead, table=table, open_table=True, wide=True)]


def _source_row(of: SourceFigures, *, is_compared: bool) -> list[str]:
    values = [*of.exact, *of.rouge_l, *of.loss]
    row = [of.source or DASH, number(of.tasks)]
    row += [DASH if value is None else written(value) for value in values]
    if is_compared:
        row.append(DASH if of.loss_change is None else signed(of.loss_change))
    return row


def _lead(of: Evaluation) -> str:
    text = (
        f"{number(of.tasks)} held-out tasks, {number(of.classification_tasks)} of them "
        f"classification. ROUGE is computed by rouge_score, without its stemmer unless stated, "
        f"with its own tokenizer (a to z and digits only) and with ours for all scripts. In "
        f"brackets: the {of.drawing.level:.0%} confidence interval, by Wilson's method for shares, "
        f"otherwise by a BCa bootstrap over tasks ({number(of.drawing.resamples)} resamples, seed "
        f"{of.drawing.seed}). There is none for fewer than ten tasks, or when all are alike."
    )
    if not of.comparisons:
        return text
    return (
        f"{text} Differences are paired by task, with Tango's interval for shares. The p-value is "
        f"from a randomisation test, corrected by Holm's method for {len(of.comparisons)} "
        f"comparisons."
    )


_COMPARED = ["difference", "p", "better / worse / same"]


def _compared(of: Comparison | None, is_compared: bool) -> list[str]:
    if not is_compared:
        return []
    if of is None:
        return [DASH] * len(_COMPARED)
    counts = f"{number(of.better)} / {number(of.worse)} / {number(of.equal)}"
    p_value = of.p_value if of.p_corrected is None else of.p_corrected
    return [signed(of.difference), chance_of(p_value), counts]


def _loss_rows(of: Evaluation, *, is_compared: bool) -> list[list[str]]:
    figures = [each.perplexity for each in of.models]
    if not any(figures):
        return []
    nothing = [DASH] * len(_COMPARED) if is_compared else []
    change = nothing if of.loss_change is None else [signed(of.loss_change), DASH, DASH]
    bits = [None if each is None else each.bits_per_byte for each in figures]
    rows = [
        [
            f"loss per {of.loss_of} of the reference (lower is better)",
            *map(_loss, figures),
            *change,
        ],
        [f"perplexity per {of.loss_of}", *map(_perplexity, figures), *nothing],
    ]
    if any(bits):
        written_bits = [DASH if each is None else written(each) for each in bits]
        rows.append(
            ["bits per byte of the reference (independent of tokenizer)", *written_bits, *nothing]
        )
    return rows


def _loss(of: Perplexity | None) -> str:
    return DASH if of is None else written(of.loss)


def _perplexity(of: Perplexity | None) -> str:
    if of is None:
        return DASH
    estimate = of.perplexity
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.4g}"
    return f"{estimate.value:.4g} ({estimate.low:.4g} to {estimate.high:.4g})"


def _precision_and_recall(of: Evaluation) -> Table:
    rows = []
    for model in of.models:
        for figures in model.rouge:
            kinds = (("1", figures.rouge1), ("2", figures.rouge2), ("L", figures.rouge_l))
            rows += [
                [
                    f"{model.name}, ROUGE-{name} ({figures.tokenizer})",
                    *(written(each) for each in (scores.precision, scores.recall, scores.f)),
                ]
                for name, scores in kinds
            ]
    return Table(["", "precision", "recall", "F"], rows)


def _answers(of: Evaluation) -> Section:
    counted: dict[str, Callable[[ModelFigures], str]] = {
        "answered": lambda model: number(model.answered),
        "unanswered": lambda model: number(model.unanswered),
        "empty": lambda model: number(model.empty),
        "cut off": lambda model: number(model.cut_off),
        "references without tokens for rouge_score": _unseen,
        "reference tokens with probability 0": _impossible,
    }
    rows = [[name, *(say(model) for model in of.models)] for name, say in counted.items()]
    table = Table(["", *(model.name for model in of.models)], rows)
    lead = "Unanswered tasks are scored as empty answers."
    return Section("answers", "Answers", lead, table=table, open_table=True)


def _impossible(model: ModelFigures) -> str:
    return DASH if model.perplexity is None else number(model.perplexity.impossible_tokens)


def _unseen(model: ModelFigures) -> str:
    found = [each.unseen_references for each in model.rouge if each.tokenizer == "rouge"]
    return number(found[0]) if found else DASH


def _confusion(of: Evaluation, _: dict[str, str]) -> list[Section]:
    made = []
    for place, model in enumerate(of.models):
        if model.exact_match is None:
            continue
        exact = model.exact_match
        lead = (
            f"{number(exact.right)} of {number(exact.tasks)} right{_commonest(exact)}. Rows are "
            f"right labels, columns are answers; the last column counts answers that are not a "
            f"label. {exact.normalisation}"
        )
        title = f"Labels answered by {model.name}"
        table = _confusion_table(exact.confusion)
        wide = len(table.headers) > _MOST_NARROW
        made.append(
            Section(f"confusion-{place}", title, lead, table=table, open_table=True, wide=wide)
        )
    return made or [Section("confusion", "Labels", "There are no classification tasks.")]


def _commonest(exact: ExactMatch) -> str:
    """Return the share of right answers, and that of always answering the most common label."""
    if not exact.confusion.labels:
        return ""
    label, most = exact.confusion.labels[0], sum(exact.confusion.counts[0])
    return (
        f" ({part(exact.right, exact.tasks)}; always answering {label or '(empty)'!r} would give "
        f"{part(most, exact.tasks)})"
    )


def _confusion_table(confusion: Confusion) -> Table:
    others = [f"{confusion.other_labels} other labels"] if confusion.other_labels else []
    labels = [label or "(empty)" for label in confusion.labels] + others
    rows = [
        [label, *(number(count) for count in counts)]
        for label, counts in zip(labels, confusion.counts, strict=True)
    ]
    return Table(["right label", *labels, "no label"], rows)


def _forgetting(of: Evaluation, _: dict[str, str]) -> list[Section]:
    found = of.forgetting
    if found is None:
        return [Section("forgetting", "Forgetting", "No general rows were measured.")]
    measured = (found.before, found.after)
    rows = [
        ["loss per token", *(DASH if each is None else written(each.loss) for each in measured)],
        ["perplexity", *(_perplexity(each) for each in measured)],
    ]
    change = DASH if found.loss_change is None else signed(found.loss_change)
    lead = f"{number(found.tasks)} general rows before and after; change of loss: {change}."
    if found.rouge_l is not None:
        lead += f" ROUGE-L F of the answers changed by {signed(found.rouge_l.difference)}."
    table = Table(["", "before", "after"], rows)
    return [Section("forgetting", "Forgetting", lead, table=table, open_table=True)]


def _layers(of: Evaluation, drawn: dict[str, str]) -> list[Section]:
    if not of.layers:
        return []
    lead = (
        f"The loss per {of.loss_of} is measured with one layer of the adapter switched off and all "
        "others on. Gained: how much higher it is without the layer, on held-out rows. Forgotten: "
        "how much lower it is without the layer, on general rows. The layers work together, so "
        "their parts don't add up to the whole."
    )
    rows = [
        [each.layer, *(DASH if e is None else signed(e) for e in (each.gained, each.forgotten))]
        for each in of.layers
    ]
    table = Table(["layer", "gained", "forgotten"], rows)
    return [Section("layers", "Part of each layer", lead, drawn.get("layers"), table)]


_SECTIONS: tuple[Callable[[Evaluation, dict[str, str]], list[Section]], ...] = (
    _side_by_side,
    _by_source,
    _confusion,
    _intervals,
    judge_sections,
    review_sections,
    _forgetting,
    _layers,
    tuning_sections,
)
