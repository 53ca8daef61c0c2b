"""The card of a tuned model: what it is, how it was made, what is not known of it."""

from collections.abc import Mapping
from typing import Any

from app.training.plain.options import MethodOptions


def model_card(name: str, facts: Mapping[str, Any]) -> str:
    """Write the card in Markdown; the hub reads the lines at its head."""
    options, rows, parameters = facts["options"], facts["rows"], facts["parameters"]
    method, data, schedule = options["method"], options["data"], options["schedule"]
    is_adapter, labels = method["name"] != "full", facts["labels"]
    head = [
        "---",
        f"base_model: {options['base_model']}",
        f"library_name: {'peft' if is_adapter else 'transformers'}",
        f"tags: [seedbed, {'text-classification' if labels else 'instruction-tuning'}]",
        "---",
    ]
    losses = facts["losses"]
    cost = cost_in_use(MethodOptions.model_validate(method), mergeable=facts["mergeable"])
    table = [
        ("base model", options["base_model"]),
        ("data set", facts.get("dataset") or "not told"),
        ("method", method["name"]),
        ("tuned parameters", f"{parameters['tuned']:,} ({parameters['share']:.3%})"),
        ("cost when answering", cost),
        ("labels", ", ".join(labels)) if labels else ("template", data["template"]),
        ("rows", f"{rows['kept']:,} of {rows['rows']:,}, {rows['truncated']:,} cut at their end"),
        _under_loss(rows, labels),
        ("steps", f"{facts['steps']:,} of {schedule['batch']} sequences"),
        ("learning rate", f"{facts['learning_rate']:g}, {schedule['shape']}"),
        ("loss", f"{losses[0]:.3f} at first, {losses[-1]:.3f} at last" if losses else "none"),
        ("seed", str(options["seed"])),
    ]
    lines = [f"| {what} | {value} |" for what, value in table]
    text = [*head, "", f"# {name}", "", "Tuned by Seedbed.", "", "| | |", "|---|---|", *lines]
    text += ["", *_ranks(facts["ranks"])]
    text += [
        "The loss is that of the rows it was tuned on. What it is worth an evaluation must say."
    ]
    return "\n".join(text) + "\n"


def _under_loss(rows: Mapping[str, int], labels: Mapping[str, int]) -> tuple[str, str]:
    if labels:
        return "tokens read", f"{rows['tokens']:,}"
    return "tokens under loss", f"{rows['tokens_under_loss']:,} of {rows['tokens']:,}"


def cost_in_use(method: MethodOptions, *, mergeable: bool) -> str:
    """What an answer costs beyond what the base model's does, in words."""
    if method.name == "full":
        return "none"
    if method.name == "prefix":
        return f"{method.virtual_tokens} tokens of the context, for each text"
    return "none once merged" if mergeable else "the adapter's products"


def _ranks(ranks: Mapping[str, int]) -> list[str]:
    """AdaLoRA's ranks differ from layer to layer; one rank for all needs no table."""
    if len(set(ranks.values())) < 2:
        return []
    lines = [f"| {name} | {rank} |" for name, rank in ranks.items()]
    return ["| module | rank |", "|---|---|", *lines, ""]
