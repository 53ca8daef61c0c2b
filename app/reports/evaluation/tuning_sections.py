"""The sections of an evaluation's report on the training: settings, loss, truncation, ranks."""

from collections.abc import Sequence

from app.evaluation.evaluation_result import Evaluation, TrainingFacts
from app.reports.evaluation.plots import ranks_by_module
from app.reports.page import Section, Table
from app.reports.wording import DASH, number, part, share

_MOST_ROWS = 60


def tuning_sections(of: Evaluation, drawn: dict[str, str]) -> list[Section]:
    """Return the sections on the training, its loss, learning rate and ranks."""
    training = of.training
    if training is None:
        return [Section("training", "Training", "No information about the training.")]
    points = [
        [
            number(each.step),
            *(
                DASH if value is None else f"{value:.4g}"
                for value in (each.loss, each.held_out_loss, each.learning_rate)
            ),
        ]
        for each in training.points
    ]
    kept = points[-_MOST_ROWS:]
    steps = Table(["step", "loss", "held-out loss", "learning rate"], kept, len(points) - len(kept))
    made = Section(
        "training",
        "Training",
        f"{training.method} on {training.dataset}.",
        table=Table(["", ""], _training_rows(training)),
        open_table=True,
    )
    found = [made]
    if points:
        lead = "Computed on the tokens of the answers only."
        found.append(Section("loss", "Loss", lead, drawn.get("loss"), steps))
    if "learning-rate" in drawn:
        lead = "Learning rate at each step."
        found.append(Section("learning-rate", "Learning rate", lead, drawn["learning-rate"]))
    return found + _ranks(training, drawn)


def _training_rows(of: TrainingFacts) -> list[list[str]]:
    rows = [
        ["base model", of.base_model],
        ["steps", number(of.steps)],
        ["trainable parameters", number(of.trainable_parameters)],
        ["of all parameters", f"{number(of.all_parameters)} ({share(of.trainable_share)})"],
    ]
    rows += [["device", of.device]] if of.device else []
    rows += [["duration", f"{of.duration_s:,.0f} s"]] if of.duration_s is not None else []
    rows += [["inference cost", of.inference_cost]] if of.inference_cost else []
    cut = of.truncation
    if cut is not None:
        rows += [
            ["rows", number(cut.rows)],
            [f"truncated at {number(cut.max_tokens)} tokens", _of(cut.truncated, cut.rows)],
            ["left out: no answer after truncation", _of(cut.left_out, cut.rows)],
            ["tokens cut", _of(cut.tokens_cut, cut.tokens)],
        ]
    return rows


def _of(count: int, whole: int) -> str:
    return f"{number(count)} ({part(count, whole)})"


def _ranks(training: TrainingFacts, drawn: dict[str, str]) -> list[Section]:
    if not training.ranks:
        return []
    began = training.initial_rank
    lead = "The rank that the method gave to each adapted matrix."
    lead += "" if began is None else f" The initial rank of every matrix was {began}."
    modules = ranks_by_module(training)
    layers = sorted({each.layer for each in training.ranks})
    rows: Sequence[Sequence[str]] = [
        [str(layer), *(str(ranks.get(layer, DASH)) for ranks in modules.values())]
        for layer in layers
    ]
    table = Table(["layer", *modules], rows)
    return [Section("ranks", "Rank by layer", lead, drawn.get("ranks"), table)]
