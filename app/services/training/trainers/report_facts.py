"""The training section of an evaluation report, made from `training.json`."""

import re
from collections.abc import Iterator, Mapping

from app.evaluation.evaluation_result import LayerRank, ProgressPoint, TrainingFacts, Truncation
from app.training.learn.loop import learning_rate_at
from app.training.plain.model_card import cost_in_use
from app.training.plain.options import TrainingOptions
from app.training.plain.training_record import TrainingRecord

_LAYER = re.compile(r"\.(\d+)\.(?:.*\.)?(\w+)$")


def training_facts(record: TrainingRecord, dataset: str, device: str) -> TrainingFacts:
    """Convert the facts of `app.training.publish.adapter_folder.training_record` for a report."""
    options = TrainingOptions.model_validate(record["options"])
    rows, parameters, method = record["rows"], record["parameters"], options.method
    steps = record["steps"]
    return TrainingFacts(
        method=method.name,
        base_model=options.base_model,
        dataset=dataset,
        device=device,
        steps=steps,
        trainable_parameters=parameters["tuned"],
        all_parameters=parameters["total"],
        points=[
            ProgressPoint(
                step=number, loss=loss, learning_rate=learning_rate_at(number, steps, options)
            )
            for number, loss in enumerate(record["losses"], start=1)
        ],
        ranks=list(_ranks(record["ranks"])) if method.name == "adalora" else [],
        initial_rank=method.initial_rank if method.name == "adalora" else None,
        truncation=Truncation(
            max_tokens=options.data.max_tokens,
            rows=rows["rows"],
            truncated=rows["truncated"],
            left_out=rows["dropped"],
            tokens=rows["tokens"] + rows["tokens_cut"],
            tokens_cut=rows["tokens_cut"],
        ),
        inference_cost=cost_in_use(options.method, mergeable=record["mergeable"]),
    )


def _ranks(ranks: Mapping[str, int]) -> Iterator[LayerRank]:
    """Yield the rank of each layer: ``model.layers.3.self_attn.q_proj`` is in layer 3.

    Modules outside the layers are skipped. Used for AdaLoRA only, whose ranks differ.
    """
    for module, rank in ranks.items():
        found = _LAYER.search(module)
        if found is not None:
            yield LayerRank(layer=int(found[1]), module=found[2], rank=rank)
