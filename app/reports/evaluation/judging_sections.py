"""The sections of an evaluation's report on the judge model and on human reviewers."""

from app.evaluation.evaluation_result import Evaluation
from app.evaluation.metrics import JudgeFigures, ReviewFigures
from app.evaluation.review_sheet import LEVELS, MEANINGS
from app.evaluation.summary import signed
from app.reports.drawings.interval_bars import written
from app.reports.page import Section, Table
from app.reports.wording import DASH, chance_of, number, ratio

_LEANINGS = (
    "Judge models prefer the first answer, long answers and their own style. Asking in both "
    "orders removes only the first bias."
)


def judge_sections(of: Evaluation, drawn: dict[str, str]) -> list[Section]:
    """Return the verdicts of the judge model, its biases and its cost."""
    judge = of.judge
    if judge is None:
        return [Section("judge", "Judge model", "No judge model was used.")]
    points = DASH if judge.score is None else written(judge.score)
    chance = "" if judge.p_value is None else f" (p {chance_of(judge.p_value)})"
    lead = (
        f"{judge.judge} compared both answers to each task twice, in both orders; a win counts "
        f"only in both orders. Score of the tuned model (wins and half of the ties): {points}; "
        f"0.5 is no difference{chance}. {_LEANINGS} The verdict changed with the order for "
        f"{number(judge.orders_differ)} pairs; of wins and losses {number(judge.longer_won)} went "
        f"to the longer answer, {number(judge.shorter_won)} to the shorter one."
    )
    if judge.is_contender:
        lead += " This judge is one of the two models, so its verdicts are not independent."
    rows = [
        ["pairs", number(judge.pairs)],
        ["pairs of identical answers (ties, not judged)", number(judge.identical)],
        ["pairs that could not be judged", number(judge.failed)],
        ["pairs not judged", number(judge.unasked)],
        ["verdicts for the first answer", number(judge.said_first)],
        ["verdicts for the second answer", number(judge.said_second)],
        ["verdicts for a tie", number(judge.said_tie)],
        *_judge_cost(judge),
    ]
    rows += [] if judge.trouble is None else [["reason for ending early", judge.trouble]]
    table = Table(["", "count"], rows)
    return [Section("judge", "Judge model", lead, drawn.get("judge"), table)]


def _judge_cost(judge: JudgeFigures) -> list[list[str]]:
    cost = judge.cost
    if cost is None:
        return []
    rows = [
        ["calls", number(cost.calls)],
        ["prompt tokens", number(cost.prompt_tokens)],
        ["completion tokens", number(cost.completion_tokens)],
    ]
    if cost.cached_tokens:
        rows.append(["prompt tokens that a cache had", number(cost.cached_tokens)])
    if cost.estimated_calls:
        rows.append(["calls with estimated tokens", number(cost.estimated_calls)])
    rows += [["judgements reused from an earlier job", number(cost.reused)]] if cost.reused else []
    rows += [] if cost.cost_usd is None else [["US dollars", f"{cost.cost_usd:.4f}"]]
    if cost.unknown_usd:
        lost = "US dollars at most for interrupted calls"
        rows.append([lost, f"{cost.unknown_usd:.4f}"])
    return rows


def review_sections(of: Evaluation, drawn: dict[str, str]) -> list[Section]:
    """Return the ratings by people, and their agreement with each other and with the judge."""
    if of.review is None:
        return [Section("review", "Human review", "No review sheet was returned.")]
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
    table = Table(["reviewer", "model", *LEVELS, "A or B"], rows)
    lead = f"Blind ratings: reviewers did not know the model. {meanings}."
    found = [Section("review", "Human review", lead, drawn.get("review"), table)]
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
        "Which of the two answers to a task got the better level. The difference is the share of "
        "better less the share of worse, with Tango's interval; p-value by the sign test."
    )
    headers = ["", "tuned better", "tuned worse", "same", "difference", "p"]
    table = Table(headers, rows)
    return [Section("preference", "Preferences of reviewers", lead, None, table, open_table=True)]


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
        "Cohen's kappa: 1 is full agreement, 0 is agreement by chance. Two reviewers are compared "
        "by the level of each answer, a reviewer and the judge by the better answer of each pair."
    )
    headers = ["first", "second", "rated by both", "same", "kappa", "weighted kappa (linear)"]
    table = Table(headers, rows)
    return [Section("agreement", "Agreement", lead, None, table, open_table=True)]


def _kappa(value: float | None) -> str:
    return "not defined" if value is None else ratio(value)
