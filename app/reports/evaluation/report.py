"""The HTML report of an evaluation: what improved, what got worse, and how certain that is."""

from collections.abc import Callable
from dataclasses import dataclass

from app.evaluation.evaluation_result import Evaluation, ExampleAnswer
from app.evaluation.metrics import Estimate, chief_rouge
from app.reports.evaluation.plots import evaluation_plots
from app.reports.evaluation.sections import evaluation_sections
from app.reports.page import Headline, render
from app.reports.wording import number, ratio, share


def evaluation_report(of: Evaluation) -> str:
    """Return the report as HTML; the same evaluation gives the same bytes."""
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
        lines.append(Headline(_change(exact, share), "exact match"))
    rouge = [chief.rouge_l.f for each in of.models if (chief := chief_rouge(each)) is not None]
    if rouge:
        lines.append(Headline(_change(rouge, ratio), "ROUGE-L F"))
    loss = [each.perplexity.loss for each in of.models if each.perplexity]
    if loss:
        lines.append(Headline(_change(loss, ratio), f"loss per {of.loss_of}"))
    if of.judge is not None and of.judge.score is not None:
        lines.append(Headline(share(of.judge.score.value), "of the judge's points"))
    if of.training is not None:
        lines.append(Headline(share(of.training.trainable_share), "of the parameters trained"))
    return lines


def _change(values: list[Estimate], write: Callable[[float], str]) -> str:
    """Write the values of the base and the tuned model with an arrow between them."""
    return " → ".join(dict.fromkeys(write(each.value) for each in values))


@dataclass(frozen=True, slots=True)
class _Examples:
    """A section of examples."""

    name: str
    title: str
    answers: list[ExampleAnswer]


def _examples(of: Evaluation) -> list[_Examples]:
    found = [
        _Examples("better", "Examples that improved", of.better),
        _Examples("worse", "Examples that got worse", of.worse),
    ]
    return [each for each in found if each.answers]
