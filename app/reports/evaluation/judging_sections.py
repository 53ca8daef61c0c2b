"""The sections of an evaluation's report on those who judged the answers: a model, and people."""

from app.evaluation.evaluation_result import Evaluation
from app.evaluation.metrics import JudgeFigures, ReviewFigures
from app.evaluation.review_sheet import LEVELS, MEANINGS
from app.evaluation.summary import signed
from app.reports.drawings.interval_bars import written
from app.reports.page import Section, Table
from app.reports.wording import DASH, chance_of, number, ratio

_LEANINGS = (
    "Judges lean to what stands first, to long answers and to their own manner: asking in both "
    "orders cures the first alone."
)


def judge_sections(of: Evaluation, drawn: dict[str, str]) -> list[Section]:
    """Return what a model as judge said, how it leans, and what it cost."""
    judge = of.judge
    if judge is None:
        return [Section("judge", "A model as judge", "No judge was asked.")]
    points = DASH if judge.score is None else written(judge.score)
    chance = "" if judge.p_value is None else f" (p {chance_of(judge.p_value)})"
    lead = (
        f"{judge.judge} compared both answers to each task twice, in both orders; a win counts "
        f"only if it is one in both. Points of the tuned model, wins and half of the ties: "
        f"{points}, where 0.5 is no difference{chance}. {_LEANINGS} With the order it changed its "
        f"mind on {number(judge.orders_differ)} pairs; of its wins and losses "
        f"{number(judge.longer_won)} went to the longer answer, {number(judge.shorter_won)} to the "
        f"shorter."
    )
    if judge.is_contender:
        lead += " This judge is one of the two models itself, so it is no witness."
    rows = [
        ["pairs", number(judge.pairs)],
        ["identical answers, not asked about", number(judge.identical)],
        ["pairs that could not be judged", number(judge.failed)],
        ["pairs not asked about", number(judge.unasked)],
        ["verdicts for the answer that stood first", number(judge.said_first)],
        ["verdicts for the answer that stood second", number(judge.said_second)],
        ["verdicts for a tie", number(judge.said_tie)],
        *_judge_cost(judge),
    ]
    rows += [] if judge.trouble is None else [["why it ended early", judge.trouble]]
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
    rows += [["judgements paid for by an earlier job", number(cost.reused)]] if cost.reused else []
    rows += [] if cost.cost_usd is None else [["US dollars", f"{cost.cost_usd:.4f}"]]
    if cost.unknown_usd:
        lost = "US dollars at the most for calls cut off"
        rows.append([lost, f"{cost.unknown_usd:.4f}"])
    return rows


def review_sections(of: Evaluation, drawn: dict[str, str]) -> list[Section]:
    """Return what people said, and how far they agree with each other and the judge."""
    if of.review is None:
        return [Section("review", "People as judges", "No review sheet has come back.")]
    meanings = "; ".join(f"{level}: {meaning}" for level, meaning in MEANINGS.items())
    rows = [
        [
            person.reviewer,
            each.model,
            *(number(each.counts.get(level, 0)) for level in LEVELS),
            written(each.acceptable),
        ]
        for person in of.review.reviewers
        for each in person.models
    ]
    table = Table(["person", "model", *LEVELS, "A or B"], rows)
    lead = f"Rated without knowing the model. {meanings}."
    found = [Section("review", "People as judges", lead, drawn.get("review"), table)]
    return found + _preferences(of.review) + _agreements(of.review)


def _preferences(of: ReviewFigures) -> list[Section]:
    rows = [
        [
            person.reviewer,
            *(number(count) for count in (found.better, found.worse, found.equal)),
            signed(found.difference),
            chance_of(found.p_value),
        ]
        for person in of.reviewers
        if (found := person.preference) is not None
    ]
    if not rows:
        return []
    lead = (
        "Of the two answers to a task, which one got the better level. The difference is that of "
        "the shares of better and worse, with Tango's interval; p by the sign test."
    )
    headers = ["", "tuned better", "tuned worse", "as good", "difference", "p"]
    table = Table(headers, rows)
    return [Section("preference", "Which answer people prefer", lead, None, table, open_table=True)]


def _agreements(of: ReviewFigures) -> list[Section]:
    rows = [
        [
            each.one,
            each.other,
            f"{number(each.both_rated)} {each.rated}",
            number(each.same),
            _kappa(each.kappa),
            _kappa(each.weighted_kappa),
        ]
        for each in of.agreements
    ]
    if not rows:
        return []
    lead = (
        "Cohen's kappa: 1 is whole agreement, 0 no more than chance gives. People are compared by "
        "the level of each answer, a person and the judge by which answer of a pair is better."
    )
    table = Table(["one", "other", "both rated", "the same", "kappa", "linear weights"], rows)
    return [Section("agreement", "How far they agree", lead, None, table, open_table=True)]


def _kappa(value: float | None) -> str:
    return "not defined" if value is None else ratio(value)
