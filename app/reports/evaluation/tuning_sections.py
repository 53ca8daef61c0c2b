"""The sections of an evaluation's report on the training: settings, loss, truncation, ranks."""

from collections.abc import Sequence

from app.evaluation.evaluation_result import Evaluation, InferenceCost, TrainingFacts
from app.reports.evaluation.plots import ranks_by_module
from app.reports.page import Section, Table
from app.reports.wording import DASH, number, part, share

_MOST_ROWS = 60


def tuning_sections(of: Evaluation, drawn: dict[str, str]) -> list[Section]:
    """Return the sections on the training, its loss, learning rate and ranks."""
    training = of.training
    cost = _inference_cost(of.inference)
    if training is None:
        return [Section("training", "Training", "No information about the training."), *cost]
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
    return [*found, *cost, *_ranks(training, drawn)]


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


def _inference_cost(of: InferenceCost | None) -> list[Section]:
    """Return the section that compares base model, adapter and merged weights."""
    if of is None:
        return []
    title = "Inference cost"
    if not of.extra_multiply_adds:
        lead = "The tuned model has no more weights than its base model, so it costs the same."
        return [Section("inference-cost", title, lead)]
    lead = (
        "Multiplications in the linear layers, and the shortest time for one token without text "
        "before it, measured on this machine. "
        + (
            "Merged into the weights, the adapter costs nothing more."
            if of.mergeable
            else "This adapter cannot be merged into the weights."
        )
    )
    products, extra = of.base_multiply_adds, of.extra_multiply_adds
    rows = [
        [
            "multiply-adds",
            number(products),
            f"{number(products + extra)} (+{share(of.extra_share)})",
            number(products) if of.mergeable else DASH,
        ]
    ]
    if of.time_ratio is not None:
        times = [f"{value:.2f} ms" for value in (of.base_token_ms, of.tuned_token_ms) if value]
        tuned = f"{times[1]} (x {of.time_ratio:.2f})"
        rows.append(["time", times[0], tuned, times[0] if of.mergeable else DASH])
    table = Table(["per token", "base model", "with the adapter", "merged"], rows)
    return [Section("inference-cost", title, lead, table=table, open_table=True)]


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
