"""The sections of an evaluation's report, each with the numbers of its plot as a table."""

from collections.abc import Callable

from app.evaluation.figures import (
    Comparison,
    Confusion,
    Estimate,
    JudgeFigures,
    ModelFigures,
    Perplexity,
)
from app.evaluation.result import Evaluation
from app.evaluation.sheet import LEVELS, MEANINGS
from app.reports.comparison import Table
from app.reports.evaluation_plots import shares
from app.reports.interval_bars import written
from app.reports.sections import Section
from app.reports.tuning_sections import tuning_sections
from app.reports.wording import DASH, number, ratio

_MOST_ROWS = 60


def evaluation_sections(of: Evaluation, drawn: dict[str, str]) -> list[Section]:
    """Return all sections in their order, with the plots that there are, by name."""
    return [section for make in _SECTIONS for section in make(of, drawn)]


def _side_by_side(of: Evaluation, drawn: dict[str, str]) -> list[Section]:
    compared = {each.metric: each for each in of.comparisons}
    headers = ["", *(each.name for each in of.models)]
    headers += ["difference", "better / worse / same"] if compared else []
    rows = [
        [name, *(written(each) for each in values), *_compared(compared.get(name), bool(compared))]
        for name, values in shares(of).items()
    ]
    rows += _loss_rows(of, is_compared=bool(compared))
    lead = (
        f"{number(of.tasks)} held-out tasks, {number(of.classification_tasks)} of them "
        f"classification. In brackets: the {of.drawing.level:.0%} interval, Wilson's for exact "
        f"match, for all else a BCa bootstrap over tasks ({number(of.drawing.resamples)} "
        f"resamples, seed {of.drawing.seed}); the difference is paired task by task."
    )
    table = Table(headers, rows)
    return [
        Section("figures", "Side by side", lead, table=table, open_table=True, wide=True),
        Section(
            "side-by-side",
            "With intervals",
            "A dot is what was measured; the line is where the true value may lie.",
            drawn.get("side-by-side"),
            _precision_and_recall(of),
        ),
    ]


def _compared(of: Comparison | None, is_compared: bool) -> list[str]:
    if not is_compared:
        return []
    if of is None:
        return [DASH, DASH]
    counts = f"{number(of.better)} / {number(of.worse)} / {number(of.equal)}"
    return [_signed(of.difference), counts]


def _signed(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:+.3f}"
    return f"{estimate.value:+.3f} ({estimate.low:+.3f} to {estimate.high:+.3f})"


def _loss_rows(of: Evaluation, *, is_compared: bool) -> list[list[str]]:
    figures = [each.perplexity for each in of.models]
    if not any(figures):
        return []
    change = [] if of.loss_change is None else [_signed(of.loss_change), DASH]
    change = change or ([DASH, DASH] if is_compared else [])
    more = [DASH, DASH] if is_compared else []
    return [
        [
            f"loss of a reference's {of.loss_of} (lower is better)",
            *(DASH if each is None else written(each.loss) for each in figures),
            *change,
        ],
        ["perplexity", *(_perplexity(each) for each in figures), *more],
    ]


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


def _answers(of: Evaluation, _: dict[str, str]) -> list[Section]:
    rows = [
        [
            each.name,
            number(each.answered),
            number(each.unanswered),
            number(each.empty),
            number(each.cut_off),
            _unseen(each),
        ]
        for each in of.models
    ]
    lead = "An unanswered task counts as one with an empty answer."
    headers = ["", "answered", "unanswered", "empty", "cut off", "references rouge cannot see"]
    return [
        Section("answers", "Answers", lead, table=Table(headers, rows), open_table=True, wide=True)
    ]


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
            f"{number(exact.right)} of {number(exact.tasks)} right. A row for each right label, a "
            f"column for each answer. {exact.normalisation}"
        )
        title = f"Labels answered by {model.name}"
        table = _confusion_table(exact.confusion)
        made.append(Section(f"confusion-{place}", title, lead, table=table, open_table=True))
    return made or [Section("confusion", "Labels", "There is no classification task.")]


def _confusion_table(confusion: Confusion) -> Table:
    others = [f"{confusion.other_labels} other labels"] if confusion.other_labels else []
    labels = [label or "(empty)" for label in confusion.labels] + others
    rows = [
        [label, *(number(count) for count in counts)]
        for label, counts in zip(labels, confusion.counts, strict=True)
    ]
    return Table(["right label", *labels, "no label"], rows)


def _judge(of: Evaluation, drawn: dict[str, str]) -> list[Section]:
    judge = of.judge
    if judge is None:
        return [Section("judge", "A model as judge", "No judge was asked.")]
    points = DASH if judge.score is None else written(judge.score)
    lead = (
        f"{judge.judge} compared both answers to each task twice, in both orders; a win counts "
        f"only if it is one in both. Points of the tuned model, wins and half of the ties: "
        f"{points}, where 0.5 is no difference."
    )
    if judge.trouble is not None:
        lead += f" The judging ended early: {judge.trouble}"
    rows = [
        ["pairs", number(judge.pairs)],
        ["identical answers, not asked about", number(judge.identical)],
        ["pairs that could not be judged", number(judge.failed)],
        ["judged differently in the other order", number(judge.orders_differ)],
        ["verdicts for the answer that stood first", number(judge.said_first)],
        ["verdicts for the answer that stood second", number(judge.said_second)],
        ["verdicts for a tie", number(judge.said_tie)],
        *_judge_cost(judge),
    ]
    table = Table(["", "count"], rows)
    return [Section("judge", "A model as judge", lead, drawn.get("judge"), table)]


def _judge_cost(judge: JudgeFigures) -> list[list[str]]:
    cost = judge.cost
    if cost is None:
        return []
    rows = [
        ["calls paid for", number(cost.calls)],
        ["tokens asked with", number(cost.prompt_tokens)],
        ["tokens answered with", number(cost.completion_tokens)],
    ]
    return rows if cost.cost_usd is None else [*rows, ["US dollars", f"{cost.cost_usd:.4f}"]]


def _review(of: Evaluation, drawn: dict[str, str]) -> list[Section]:
    if of.review is None:
        return [Section("review", "People as judges", "No review sheet has come back.")]
    meanings = "; ".join(f"{level}: {meaning}" for level, meaning in MEANINGS.items())
    rows = [
        [
            f"{person.reviewer}: {each.model}",
            *(number(each.counts.get(level, 0)) for level in LEVELS),
            written(each.acceptable),
        ]
        for person in of.review.reviewers
        for each in person.models
    ]
    agreed = of.review.agreement
    lead = f"Rated without knowing the model. {meanings}."
    if agreed is not None:
        lead += (
            f" Two people rated {number(agreed.both_rated)} answers both and gave "
            f"{number(agreed.same)} the same level; Cohen's kappa {_kappa(agreed.kappa)}, with "
            f"linear weights {_kappa(agreed.weighted_kappa)}."
        )
    table = Table(["", *LEVELS, "A or B"], rows)
    return [Section("review", "People as judges", lead, drawn.get("review"), table)]


def _kappa(value: float | None) -> str:
    return "not defined" if value is None else ratio(value)


def _forgetting(of: Evaluation, _: dict[str, str]) -> list[Section]:
    found = of.forgetting
    if found is None:
        return [Section("forgetting", "Forgetting", "No general rows were measured.")]
    measured = (found.before, found.after)
    rows = [
        ["loss of a token", *(DASH if each is None else written(each.loss) for each in measured)],
        ["perplexity", *(_perplexity(each) for each in measured)],
    ]
    change = DASH if found.loss_change is None else _signed(found.loss_change)
    lead = f"{number(found.tasks)} general rows, before and after: the loss changed by {change}."
    if found.rouge_l is not None:
        lead += f" ROUGE-L F of the answers changed by {_signed(found.rouge_l.difference)}."
    table = Table(["", "before", "after"], rows)
    return [Section("forgetting", "Forgetting", lead, table=table, open_table=True)]


_SECTIONS: tuple[Callable[[Evaluation, dict[str, str]], list[Section]], ...] = (
    _side_by_side,
    _answers,
    _confusion,
    _judge,
    _review,
    _forgetting,
    tuning_sections,
)
