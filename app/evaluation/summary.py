"""A summary of an evaluation in sentences that claim no more than its intervals support."""

from collections.abc import Callable

from app.evaluation.evaluation_result import Evaluation
from app.evaluation.layers import largest
from app.evaluation.metrics import (
    Comparison,
    Estimate,
    JudgeFigures,
    ReviewerFigures,
    chief_rouge,
)

_MOST_AGREEMENTS = 3
"""More of them are summarised by their range."""


def sentences(of: Evaluation) -> list[str]:
    """Return the findings as sentences, the most important first; only what was measured.

    Exact match comes first. When no answer equals its reference, as in free writing, ROUGE comes
    first.
    """
    exact = any(each.exact is not None and each.exact.right for each in of.models)
    first = (_exact, _rouge) if exact else (_rouge, _exact)
    found = [say(of) for say in (*first, _loss, _judge)]
    found += [*_people(of), *(say(of) for say in _SAYINGS)]
    return [said for said in found if said is not None]


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


def chance(of: Comparison, level: float) -> str:
    """Say if a difference is significant after correction for all comparisons."""
    differing = of.better + of.worse
    if not differing:
        return "no task differs"
    # The probability that a fair coin falls the same way for all of them.
    if 0.5 ** (differing - 1) > 1 - level:
        return "too few tasks differ to tell it from chance"
    low, high = of.difference.low, of.difference.high
    p_value = of.p_value if of.p_corrected is None else of.p_corrected
    leaves_out_zero = low is None or high is None or low > 0 or high < 0
    if p_value > 1 - level or not leaves_out_zero:
        return "that may be chance"
    which = "gain" if of.difference.value > 0 else "loss"
    return f"the {which} is more than chance explains"


def _exact(of: Evaluation) -> str | None:
    base, tuned = of.models[0].exact, of.models[-1].exact
    if base is None or tuned is None:
        return None
    if len(of.models) == 1:
        share = share_with_interval(base.share)
        return (
            f"{of.models[0].name} answers {share} of {of.tasks} held-out tasks exactly as the "
            "reference."
        )
    before, after = share_with_interval(base.share), share_with_interval(tuned.share)
    if base.right == tuned.right:
        moved = f"stay at {before}"
    else:
        moved = f"{'rise' if tuned.right > base.right else 'fall'} from {before} to {after}"
    text = f"Answers that are exactly the reference {moved} of {of.tasks} held-out tasks"
    found = _compared(of, "exact match")
    if found is None:
        return f"{text}."
    points = _points(found.difference)
    turned = f"{found.better} became right, {found.worse} became wrong"
    return f"{text}: {points}; {turned}; {chance(found, of.drawing.level)}."


def _compared(of: Evaluation, metric: str) -> Comparison | None:
    return next((each for each in of.comparisons if each.metric == metric), None)


def _points(difference: Estimate) -> str:
    """Write a difference of shares in points, such as ``+85.7 points (+77.7 to +91.1)``."""
    said = f"{100 * difference.value:+.1f} points"
    if difference.low is None or difference.high is None:
        return said
    return f"{said} ({100 * difference.low:+.1f} to {100 * difference.high:+.1f})"


def signed(estimate: Estimate) -> str:
    """Write a change with its interval, such as ``+0.412 (+0.371 to +0.455)``."""
    said = f"{estimate.value:+.3f}"
    if estimate.low is None or estimate.high is None:
        return said
    return f"{said} ({estimate.low:+.3f} to {estimate.high:+.3f})"


def _rouge(of: Evaluation) -> str | None:
    figures = [chief for model in of.models if (chief := chief_rouge(model)) is not None]
    found = _compared(of, f"ROUGE-L F ({figures[0].tokenizer})") if len(figures) == 2 else None
    if found is None:
        return None
    before, after = (figure_with_interval(each.rouge_l.f) for each in figures)
    return (
        f"ROUGE-L F goes from {before} to {after}: {signed(found.difference)}; {found.better} "
        f"tasks are better, {found.worse} worse, {found.equal} the same; "
        f"{chance(found, of.drawing.level)}."
    )


def _loss(of: Evaluation) -> str | None:
    before, after = of.models[0].perplexity, of.models[-1].perplexity
    if len(of.models) < 2 or before is None or after is None:
        return None
    change = "" if of.loss_change is None else f": {signed(of.loss_change)}{_sure(of.loss_change)}"
    return (
        f"The loss on the references goes from {figure_with_interval(before.loss)} to "
        f"{figure_with_interval(after.loss)} per {of.loss_of}{change}; perplexity from "
        f"{before.perplexity.value:.2f} to {after.perplexity.value:.2f}."
    )


def _sure(change: Estimate) -> str:
    if change.low is None or change.high is None:
        return ""
    return ", which may be chance" if change.low <= 0 <= change.high else ""


def _impossible(of: Evaluation) -> str | None:
    lacking = [
        f"{each.name} gives {each.perplexity.impossible_tokens} tokens of the references no "
        "probability"
        for each in of.models
        if each.perplexity is not None and each.perplexity.impossible_tokens
    ]
    return "; ".join(lacking) + ": their tasks are left out of the loss." if lacking else None


def _judge(of: Evaluation) -> str | None:
    judge = of.judge
    if judge is None:
        return None
    details = f"{_not_judged(judge)}{_trouble(judge)}{_cost(judge)}{_bias(judge)}"
    if judge.score is None:
        return f"The judge {judge.judge} gave no usable judgement.{details}"
    alike = f" ({judge.identical} of them identical answers, not judged)" if judge.identical else ""
    return (
        f"The judge {judge.judge}, asked in both orders, gives the tuned model {judge.wins} wins, "
        f"{judge.ties} ties{alike} and {judge.losses} losses: "
        f"{share_with_interval(judge.score)} of the points; "
        f"{_judge_chance(judge, of.drawing.level)}.{details}"
    )


def _judge_chance(judge: JudgeFigures, level: float) -> str:
    if judge.p_value is None or judge.p_value > 1 - level:
        return "that may be chance"
    return "that is more than chance explains"


def _not_judged(judge: JudgeFigures) -> str:
    found = {"could not be judged": judge.failed, "were not judged": judge.unasked}
    parts = [f"{count} of {judge.pairs} pairs {what}" for what, count in found.items() if count]
    return f" {', and '.join(parts)}." if parts else ""


def _trouble(judge: JudgeFigures) -> str:
    return "" if judge.trouble is None else f" Judging ended early: {judge.trouble}"


def _cost(judge: JudgeFigures) -> str:
    if judge.cost is None or not judge.cost.calls:
        return ""
    cost = judge.cost
    tokens = cost.prompt_tokens + cost.completion_tokens
    paid = "" if cost.cost_usd is None else f" for ${cost.cost_usd:.4f}"
    lost = ""
    if cost.unknown_usd:
        lost = f", and at most ${cost.unknown_usd:.4f} for interrupted calls"
    guessed = f" ({cost.estimated_calls:,} calls estimated)" if cost.estimated_calls else ""
    return f" Judging took {cost.calls:,} calls and {tokens:,} tokens{guessed}{paid}{lost}."


def _bias(judge: JudgeFigures) -> str:
    if not judge.is_contender:
        return ""
    return " The judge is one of the two models, so its verdicts are not independent."


def _people(of: Evaluation) -> list[str]:
    if of.review is None:
        return []
    said = [_person(each, of.drawing.level) for each in of.review.reviewers]
    kappas = [each.kappa for each in of.review.agreements if each.kappa is not None]
    if len(kappas) > _MOST_AGREEMENTS:
        said.append(
            f"The kappa of {len(kappas)} pairs of raters is between {min(kappas):.2f} and "
            f"{max(kappas):.2f}."
        )
    else:
        said += [
            f"{each.one} and {each.other} agree on {each.same} of {each.both_rated} {each.rated}, "
            f"with a kappa of {each.kappa:.2f}."
            for each in of.review.agreements
            if each.kappa is not None
        ]
    return said


def _person(person: ReviewerFigures, level: float) -> str:
    said = f"{person.reviewer} finds " + ", ".join(
        f"{share_with_interval(levels.satisfying)} of {levels.model}'s answers valid and satisfying"
        for levels in person.models
    )
    if person.preference is None:
        return f"{said}."
    found = person.preference
    return (
        f"{said}, and of two answers to a task prefers the tuned model's {found.better} to "
        f"{found.worse}, with {found.equal} alike; {chance(found, level)}."
    )


def _forgetting(of: Evaluation) -> str | None:
    found = of.forgetting
    if found is None or found.loss_change is None:
        return None
    change = signed(found.loss_change)
    said = {
        "forgot": "it has forgotten",
        "kept": "no forgetting was measured",
        "gained": "it has forgotten nothing and improved",
        "unknown": "there are too few rows to measure forgetting",
    }[found.verdict]
    return f"On {found.tasks} general rows the loss per token changed by {change}: {said}."


def _layers(of: Evaluation) -> str | None:
    """Name the layers that carry most of what was gained and of what was forgotten."""
    if not of.layers:
        return None
    found = []
    gained, forgotten = largest(of.layers, "gained"), largest(of.layers, "forgotten")
    if gained is not None and gained.gained is not None:
        change = figure_with_interval(gained.gained)
        found.append(f"layer {gained.layer} carries most of what was gained: {change}")
    if forgotten is not None and forgotten.forgotten is not None:
        change = figure_with_interval(forgotten.forgotten)
        found.append(f"layer {forgotten.layer} carries most of what was forgotten: {change}")
    if not found:
        return "No single layer of the adapter has an effect that chance can't explain."
    return (
        f"Measured by the loss per {of.loss_of} with one layer of the adapter switched off, "
        f"{'; '.join(found)}."
    )


def _unanswered(of: Evaluation) -> str | None:
    lacking = [
        f"{each.name} left {each.unanswered} of {of.tasks} unanswered"
        for each in of.models
        if each.unanswered
    ]
    return "; ".join(lacking) + ": they are scored as empty answers." if lacking else None


def _truncation(of: Evaluation) -> str | None:
    cut = of.training.truncation if of.training else None
    if cut is None or not cut.truncated + cut.left_out:
        return None
    left_out = (
        f" {cut.left_out} more had no answer left and were not trained on." if cut.left_out else ""
    )
    return (
        f"In training {cut.truncated} of {cut.rows} rows were truncated at {cut.max_tokens} tokens."
        f"{left_out}"
    )


def _families(of: Evaluation) -> str | None:
    """Explain the correction for several comparisons: one of many may differ by chance."""
    if len(of.comparisons) < 2:
        return None
    return (
        f"A difference counts as more than chance explains only after Holm's correction for all "
        f"{len(of.comparisons)} comparisons."
    )


_SAYINGS: tuple[Callable[[Evaluation], str | None], ...] = (
    _forgetting,
    _layers,
    _truncation,
    _unanswered,
    _impossible,
    _families,
)
