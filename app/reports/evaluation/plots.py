"""The plots of an evaluation, for its report."""

from collections.abc import Callable

from app.evaluation.evaluation_result import Evaluation, TrainingFacts
from app.evaluation.metrics import Estimate
from app.evaluation.review_sheet import LEVELS
from app.evaluation.summary import signed
from app.reports.drawings.bars import Bar, bar_chart, grouped_bar_chart
from app.reports.drawings.interval_bars import interval_chart, written
from app.reports.drawings.lines import Line, line_chart
from app.reports.drawings.svg import Caption
from app.reports.wording import DASH, number, part


def evaluation_plots(of: Evaluation) -> dict[str, str]:
    """Return every plot that has data, as SVG by name; the same evaluation gives the same bytes."""
    drawn = {name: draw(of) for name, draw in _PLOTS.items()}
    return {name: svg for name, svg in drawn.items() if svg is not None}


def shares(of: Evaluation) -> dict[str, list[Estimate]]:
    """Return the metrics from 0 to 1 that all models have, with one value per model."""
    found: dict[str, list[Estimate]] = {}
    exact = [each.exact.share for each in of.models if each.exact]
    labelled = [each.exact_match.share for each in of.models if each.exact_match]
    found["exact match"] = exact
    if of.classification_tasks < of.tasks:
        found["exact match, classification"] = labelled
    for place, figures in enumerate(of.models[0].rouge):
        of_all = [each.rouge[place] for each in of.models if len(each.rouge) > place]
        name = figures.tokenizer
        found[f"ROUGE-1 F ({name})"] = [each.rouge1.f for each in of_all]
        found[f"ROUGE-2 F ({name})"] = [each.rouge2.f for each in of_all]
        found[f"ROUGE-L F ({name})"] = [each.rouge_l.f for each in of_all]
    return {name: values for name, values in found.items() if len(values) == len(of.models)}


def _side_by_side(of: Evaluation) -> str | None:
    rows = shares(of)
    names = [each.name for each in of.models]
    description = f"With {of.drawing.level:.0%} confidence intervals. " + "; ".join(
        f"{name}: {' and '.join(written(each) for each in values)}" for name, values in rows.items()
    )
    return interval_chart(Caption("side-by-side", "Held-out tasks", description), names, rows)


def _loss(of: Evaluation) -> str | None:
    points = of.training.points if of.training else []
    lines = [
        Line("training", [(p.step, p.loss) for p in points if p.loss is not None]),
        Line(
            "held out", [(p.step, p.held_out_loss) for p in points if p.held_out_loss is not None]
        ),
    ]
    lines = [line for line in lines if line.points]
    if not lines:
        return None
    description = f"Loss per {of.loss_of} by step. " + "; ".join(
        f"{line.name}: from {line.points[0][1]:.3g} to {line.points[-1][1]:.3g}" for line in lines
    )
    return line_chart(Caption("loss", "Loss", description), lines, "step", written=_figure)


def _learning_rate(of: Evaluation) -> str | None:
    points = of.training.points if of.training else []
    rates = [(p.step, p.learning_rate) for p in points if p.learning_rate is not None]
    if not rates:
        return None
    most = max(rate for _, rate in rates)
    caption = Caption("learning-rate", "Learning rate", f"By step; at most {most:.3g}.")
    return line_chart(caption, [Line("learning rate", rates)], "step", written=_figure)


def _figure(value: float) -> str:
    return f"{value:.3g}"


_COLOURS = {"wins": 1, "losses": 0, "ties": 4, "could not be judged": 6, "not judged": 7}
"""A win has the colour of the tuned model, a loss that of the base model."""


def _judge(of: Evaluation) -> str | None:
    judge = of.judge
    if judge is None:
        return None
    counts = {"wins": judge.wins, "ties": judge.ties, "losses": judge.losses}
    counts |= {"could not be judged": judge.failed} if judge.failed else {}
    counts |= {"not judged": judge.unasked} if judge.unasked else {}
    bars = [
        Bar(name, count, f"{number(count)} · {part(count, judge.pairs)}", series=_COLOURS[name])
        for name, count in counts.items()
    ]
    description = "Results of the tuned model: " + ", ".join(
        f"{n} {name}" for name, n in counts.items()
    )
    return bar_chart(Caption("judge", "Verdicts of the judge", description + "."), bars)


def _review(of: Evaluation) -> str | None:
    if of.review is None or not of.review.reviewers or not of.review.reviewers[0].models:
        return None
    person = of.review.reviewers[0]
    series = {
        each.model: [Bar(f"{each.model}, {level}", each.counts.get(level, 0)) for level in LEVELS]
        for each in person.models
    }
    description = f"Answers by level, rated by {person.reviewer}; A is the best."
    caption = Caption("review", f"Ratings by {person.reviewer}", description)
    return grouped_bar_chart(caption, LEVELS, series, "level")


def _ranks(of: Evaluation) -> str | None:
    training = of.training
    if training is None or not training.ranks:
        return None
    layers = range(max(each.layer for each in training.ranks) + 1)
    lines = [
        Line(module, [(layer, ranks.get(layer, 0)) for layer in layers])
        for module, ranks in ranks_by_module(training).items()
    ]
    total = sum(each.rank for each in training.ranks)
    began = "" if training.initial_rank is None else f", initially {training.initial_rank} each"
    description = f"Rank of each adapted matrix by layer: {total} in total{began}."
    places = [str(layer) for layer in layers]
    return line_chart(Caption("ranks", "Rank by layer", description), lines, "layer", places)


def _layers(of: Evaluation) -> str | None:
    if not of.layers:
        return None
    series = {
        "gained": [_effect(f"layer {each.layer}, gained", each.gained) for each in of.layers],
        "forgotten": [
            _effect(f"layer {each.layer}, forgotten", each.forgotten) for each in of.layers
        ],
    }
    if not any(each.forgotten for each in of.layers):
        del series["forgotten"]
    highest = "; ".join(
        f"most {kind} in {max(bars, key=lambda bar: bar.value).name.partition(',')[0]}"
        for kind, bars in series.items()
    )
    description = f"Change of the loss per {of.loss_of} by each layer of the adapter: {highest}."
    caption = Caption("layers", "Part of each layer", description)
    return grouped_bar_chart(caption, [each.layer for each in of.layers], series, "layer")


def _effect(name: str, estimate: Estimate | None) -> Bar:
    return Bar(name, 0.0, DASH) if estimate is None else Bar(name, estimate.value, signed(estimate))


def ranks_by_module(training: TrainingFacts) -> dict[str, dict[int, int]]:
    """Return the rank of each layer, by the name of the matrix."""
    found: dict[str, dict[int, int]] = {}
    for each in training.ranks:
        found.setdefault(each.module, {})[each.layer] = each.rank
    return found


_PLOTS: dict[str, Callable[[Evaluation], str | None]] = {
    "side-by-side": _side_by_side,
    "loss": _loss,
    "learning-rate": _learning_rate,
    "judge": _judge,
    "review": _review,
    "ranks": _ranks,
    "layers": _layers,
}
