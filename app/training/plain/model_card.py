"""The model card of a tuned model."""

from collections.abc import Mapping

from app.training.plain.option_groups import MethodOptions
from app.training.plain.training_record import RowCounts, TrainingRecord, row_notes

_LIBRARIES = {"full": "transformers", "bottleneck": "seedbed"}
"""The library that loads the folder, by method; the Hub shows how to use it. Default: peft."""


def model_card(name: str, record: TrainingRecord) -> str:
    """Return the card as Markdown; the Hub reads the YAML lines at the top."""
    options, rows, parameters = record["options"], record["rows"], record["parameters"]
    method, data, schedule = options["method"], options["data"], options["schedule"]
    labels = record["labels"]
    head = [
        "---",
        f"base_model: {options['base_model']}",
        f"library_name: {_LIBRARIES.get(method['name'], 'peft')}",
        f"tags: [seedbed, {'text-classification' if labels else 'instruction-tuning'}]",
        "---",
    ]
    losses = record["losses"]
    cost = cost_in_use(MethodOptions.model_validate(method), mergeable=record["mergeable"])
    table = [
        ("base model", options["base_model"]),
        ("data set", record.get("dataset") or "not recorded"),
        ("method", method["name"]),
        ("tuned parameters", f"{parameters['tuned']:,} ({parameters['share']:.3%})"),
        ("cost when answering", cost),
        ("labels", ", ".join(labels)) if labels else ("template", data["template"]),
        ("rows", f"{rows['kept']:,} of {rows['rows']:,}, {rows['truncated']:,} truncated"),
        _loss_tokens(rows, labels),
        ("steps", f"{record['steps']:,} of {schedule['batch']} sequences"),
        ("learning rate", f"{record['learning_rate']:g}, {schedule['shape']}"),
        (
            "loss",
            f"{losses[0]:.3f} at the start, {losses[-1]:.3f} at the end" if losses else "none",
        ),
        ("seed", str(options["seed"])),
    ]
    lines = [f"| {what} | {value} |" for what, value in table]
    text = [*head, "", f"# {name}", "", "Tuned by Seedbed.", "", "| | |", "|---|---|", *lines]
    text += ["", *_ranks(record["ranks"])]
    text += [f"- {note}" for note in row_notes(rows)]
    if method["name"] == "bottleneck":
        text += ["peft alone cannot load this adapter: see `docs/training.md` of Seedbed.", ""]
    text += [
        "The loss is that of the training rows. For its quality see the evaluation of the job."
    ]
    return "\n".join(text) + "\n"


def _loss_tokens(rows: RowCounts, labels: Mapping[str, int]) -> tuple[str, str]:
    if labels:
        return "tokens read", f"{rows['tokens']:,}"
    return "loss tokens", f"{rows['tokens_under_loss']:,} of {rows['tokens']:,}"


def cost_in_use(method: MethodOptions, *, mergeable: bool) -> str:
    """Describe what an answer costs beyond the cost of the base model."""
    if method.name == "full":
        return "none"
    if method.name == "prefix":
        return f"{method.virtual_tokens} tokens of the context for each text"
    if method.name == "bottleneck":
        return "the layers of the adapter, which cannot be merged"
    return "none once merged" if mergeable else "the matrix products of the adapter"


def _ranks(ranks: Mapping[str, int]) -> list[str]:
    """Return a table of ranks for AdaLoRA; nothing when all ranks are equal."""
    if len(set(ranks.values())) < 2:
        return []
    lines = [f"| {name} | {rank} |" for name, rank in ranks.items()]
    return ["| module | rank |", "|---|---|", *lines, ""]
