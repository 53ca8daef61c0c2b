"""The facts of a tuning as a report has them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from app.services.training.trainers.report_facts import training_facts
from app.training.plain.options import TrainingOptions
from app.training.plain.training_record import TrainingRecord

pytestmark = pytest.mark.torch


def record(
    options: Mapping[str, Any] = MappingProxyType({}),
    ranks: Mapping[str, int] = MappingProxyType({}),
) -> TrainingRecord:
    chosen = TrainingOptions.model_validate(options)
    return {
        "options": chosen.model_dump(mode="json"),
        "learning_rate": chosen.learning_rate,
        "parameters": {"tuned": 10, "total": 1000, "share": 0.01},
        "targets": [],
        "ranks": dict(ranks),
        "mergeable": True,
        "steps": 2,
        "losses": [1.5, 0.5],
        "rows": {
            "rows": 9,
            "kept": 8,
            "truncated": 2,
            "dropped": 1,
            "tokens": 90,
            "tokens_under_loss": 40,
            "tokens_cut": 10,
        },
        "labels": {},
    }


def test_adalora_s_ranks_are_reported_by_layer_and_module() -> None:
    adalora = {"method": {"name": "adalora", "rank": 4}}
    ranks = {
        "model.layers.0.self_attn.q_proj": 3,
        "model.layers.11.mlp.down_proj": 5,
        "roberta.encoder.layer.7.attention.self.query": 0,
        "transformer.h.2.attn.c_attn": 1,
        "lm_head": 6,
    }

    reported = training_facts(record(options=adalora, ranks=ranks), "made up", "cpu")

    assert reported.initial_rank == 12
    assert [(rank.layer, rank.module, rank.rank) for rank in reported.ranks] == [
        (0, "q_proj", 3),
        (11, "down_proj", 5),
        (7, "query", 0),
        (2, "c_attn", 1),
    ]


def test_other_methods_began_with_no_other_rank() -> None:
    assert training_facts(record(), "made up", "cpu").initial_rank is None


def test_every_step_has_its_loss_and_learning_rate() -> None:
    schedule = {"steps": 2, "learning_rate": 0.1, "shape": "linear", "warmup_share": 0}

    reported = training_facts(record(options={"schedule": schedule}), "made up", "cpu")

    assert [(p.step, p.loss, p.learning_rate) for p in reported.points] == [
        (1, 1.5, 0.1),
        (2, 0.5, 0.05),
    ]


def test_what_was_cut_and_what_it_costs_are_reported() -> None:
    reported = training_facts(record(), "made up, version 1", "cpu")

    assert reported.truncation is not None
    assert reported.truncation.model_dump() == {
        "max_tokens": 512,
        "rows": 9,
        "truncated": 2,
        "left_out": 1,
        "tokens": 100,
        "tokens_cut": 10,
    }
    assert reported.trainable_share == 0.01
    assert reported.inference_cost == "none once merged"
    assert (reported.dataset, reported.device, reported.steps) == ("made up, version 1", "cpu", 2)
