"""The HTML report of an evaluation: what changed, better and worse, and how sure that is."""

from collections.abc import Callable
from dataclasses import dataclass

from app.evaluation.evaluation_result import Evaluation, ExampleAnswer
from app.evaluation.metrics import Estimate
from app.evaluation.summary import chief_rouge
from app.reports.evaluation.plots import evaluation_plots
from app.reports.evaluation.sections import evaluation_sections
from app.reports.page import Headline, render
from app.reports.wording import number, ratio, share


def evaluation_report(of: Evaluation) -> str:
    """Write the report; the same bytes for the same evaluation."""
    parts = evaluation_sections(of, evaluation_plots(of))
    return render(
        "evaluation.html",
        of=of,
        first=of.words[0] if of.words else "",
        headlines=_headlines(of),
        sections=[part for part in parts if part.plot or part.table],
        silent=[part for part in parts if not (part.plot or part.table)],
        examples=_examples(of),
    )


def _headlines(of: Evaluation) -> list[Headline]:
    lines = [Headline(number(of.tasks), "held-out tasks")]
    exact = [each.exact.share for each in of.models if each.exact]
    if exact:
        lines.append(Headline(_went(exact, share), "answered exactly"))
    rouge = [chief.rouge_l.f for each in of.models if (chief := chief_rouge(each)) is not None]
    if rouge:
        lines.append(Headline(_went(rouge, ratio), "ROUGE-L F"))
    loss = [each.perplexity.loss for each in of.models if each.perplexity]
    if loss:
        lines.append(Headline(_went(loss, ratio), f"loss of a {of.loss_of}"))
    if of.judge is not None and of.judge.score is not None:
        lines.append(Headline(share(of.judge.score.value), "of the judge's points"))
    if of.training is not None:
        lines.append(Headline(share(of.training.trainable_share), "of the parameters tuned"))
    return lines


def _went(values: list[Estimate], say: Callable[[float], str]) -> str:
    """Write where a figure came from and where it went."""
    return " → ".join(dict.fromkeys(say(each.value) for each in values))


@dataclass(frozen=True, slots=True)
class _Examples:
    """One section of examples."""

    name: str
    title: str
    answers: list[ExampleAnswer]


def _examples(of: Evaluation) -> list[_Examples]:
    found = [
        _Examples("better", "Where it became better", of.better),
        _Examples("worse", "Where it became worse", of.worse),
    ]
    return [each for each in found if each.answers]
