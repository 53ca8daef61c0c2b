"""What an evaluation's figures say, in sentences that claim no more than the intervals do."""

from collections.abc import Callable

from app.evaluation.figures import Comparison, Estimate, JudgeFigures
from app.evaluation.result import Evaluation


def sentences(of: Evaluation) -> list[str]:
    """Say what was found, the chief thing first; nothing of what was not measured."""
    return [said for say in _SAYINGS if (said := say(of)) is not None]


def share_with_interval(estimate: Estimate) -> str:
    """Write a part of 1 in per cent with its interval, such as ``85.7 % (78.0 to 91.0)``."""
    said = f"{100 * estimate.value:.1f} %"
    if estimate.low is None or estimate.high is None:
        return said
    return f"{said} ({100 * estimate.low:.1f} to {100 * estimate.high:.1f})"


def figure_with_interval(estimate: Estimate, digits: int = 3) -> str:
    """Write a figure with its interval, such as ``0.412 (0.371 to 0.455)``."""
    said = f"{estimate.value:.{digits}f}"
    if estimate.low is None or estimate.high is None:
        return said
    return f"{said} ({estimate.low:.{digits}f} to {estimate.high:.{digits}f})"


def _exact(of: Evaluation) -> str | None:
    base, tuned = of.models[0], of.models[-1]
    if base.exact is None or tuned.exact is None:
        return None
    if len(of.models) == 1:
        share = share_with_interval(base.exact.share)
        return f"{base.name} answers {share} of {of.tasks} held-out tasks exactly as the reference."
    before, after = (share_with_interval(each.exact.share) for each in (base, tuned) if each.exact)
    if base.exact.right == tuned.exact.right:
        moved = f"stay at {before}"
    else:
        way = "rise" if tuned.exact.right > base.exact.right else "fall"
        moved = f"{way} from {before} to {after}"
    return (
        f"Answers that are exactly the reference {moved} of {of.tasks} held-out tasks; "
        f"{_surely(of, 'exact match')}."
    )


def _surely(of: Evaluation, metric: str) -> str:
    found = next((each for each in of.comparisons if each.metric == metric), None)
    return "nothing is known of chance" if found is None else chance(found)


def chance(of: Comparison) -> str:
    """Say whether a difference is more than chance explains."""
    low, high = of.difference.low, of.difference.high
    if low is None or high is None:
        return "there are too few tasks to tell it from chance"
    if low > 0:
        return "the gain is more than chance explains"
    return "the loss is more than chance explains" if high < 0 else "that may be chance"


def _rouge(of: Evaluation) -> str | None:
    if len(of.models) < 2:
        return None
    found = next((c for c in of.comparisons if c.metric.startswith("ROUGE-L F")), None)
    if found is None:
        return None
    kind = found.metric.partition("(")[2].rstrip(")")
    before, after = (
        next(figures.rouge_l.f for figures in model.rouge if figures.tokenizer == kind)
        for model in of.models
    )
    return (
        f"ROUGE-L F goes from {figure_with_interval(before)} to {figure_with_interval(after)}; "
        f"{found.better} tasks are better, {found.worse} worse, {found.equal} the same; "
        f"{chance(found)}."
    )


def _loss(of: Evaluation) -> str | None:
    before, after = of.models[0].perplexity, of.models[-1].perplexity
    if len(of.models) < 2 or before is None or after is None:
        return None
    return (
        f"The loss on the references goes from {figure_with_interval(before.loss)} to "
        f"{figure_with_interval(after.loss)} a {of.loss_of}; perplexity from "
        f"{before.perplexity.value:.2f} to {after.perplexity.value:.2f}."
    )


def _judge(of: Evaluation) -> str | None:
    judge = of.judge
    if judge is None:
        return None
    failed = f" {judge.failed} of {judge.pairs} pairs could not be judged." if judge.failed else ""
    beside = f"{failed}{_trouble(judge)}{_cost(judge)}"
    if judge.score is None:
        return f"The judge {judge.judge} gave no usable judgement.{beside}"
    alike = f" (of equal answers {judge.identical}, not asked about)" if judge.identical else ""
    return (
        f"The judge {judge.judge}, asked in both orders, gives the tuned model {judge.wins} wins, "
        f"{judge.ties} ties{alike} and {judge.losses} losses: "
        f"{share_with_interval(judge.score)} of the points.{beside}"
    )


def _trouble(judge: JudgeFigures) -> str:
    return "" if judge.trouble is None else f" Its judging ended early: {judge.trouble}"


def _cost(judge: JudgeFigures) -> str:
    if judge.cost is None or not judge.cost.calls:
        return ""
    cost = judge.cost
    tokens = cost.prompt_tokens + cost.completion_tokens
    paid = "" if cost.cost_usd is None else f" for ${cost.cost_usd:.4f}"
    return f" That took {cost.calls:,} calls and {tokens:,} tokens{paid}."


def _review(of: Evaluation) -> str | None:
    if of.review is None or not of.review.reviewers:
        return None
    said = [
        f"{person.reviewer} finds "
        + ", ".join(
            f"{share_with_interval(levels.satisfying)} of {levels.model}'s answers valid and "
            "satisfying"
            for levels in person.models
        )
        for person in of.review.reviewers
    ]
    agreed = of.review.agreement
    kappa = agreed.kappa if agreed else None
    more = "" if kappa is None else f" The two agree with a kappa of {kappa:.2f}."
    return "; ".join(said) + "." + more


def _forgetting(of: Evaluation) -> str | None:
    found = of.forgetting
    if found is None or found.loss_change is None:
        return None
    change = figure_with_interval(found.loss_change)
    said = {
        "forgot": "it has forgotten",
        "kept": "no forgetting is seen",
        "gained": "it has forgotten nothing, and gained",
        "unknown": "too few rows to tell whether it has forgotten",
    }[found.verdict]
    return f"On {found.tasks} general rows the loss of a token changed by {change}: {said}."


def _unanswered(of: Evaluation) -> str | None:
    lacking = [
        f"{each.name} left {each.unanswered} of {of.tasks} unanswered"
        for each in of.models
        if each.unanswered
    ]
    return "; ".join(lacking) + ": they count as empty answers." if lacking else None


def _truncation(of: Evaluation) -> str | None:
    cut = of.training.truncation if of.training else None
    if cut is None or not cut.truncated + cut.left_out:
        return None
    left_out = (
        f" {cut.left_out} more had nothing of their answer left and were not trained on."
        if cut.left_out
        else ""
    )
    return (
        f"In training {cut.truncated} of {cut.rows} rows lost their end at {cut.max_tokens} tokens."
        f"{left_out}"
    )


_SAYINGS: tuple[Callable[[Evaluation], str | None], ...] = (
    _exact,
    _rouge,
    _loss,
    _judge,
    _review,
    _forgetting,
    _truncation,
    _unanswered,
)
