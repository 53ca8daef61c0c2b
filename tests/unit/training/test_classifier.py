"""An encoder learns labels by an adapter on query and value."""

from pathlib import Path

import pytest
import torch

from app.errors import InvalidInput
from app.record import Record
from app.training.adapters import save_tuned, with_adapter
from app.training.classifier import (
    Classifier,
    Labelled,
    adapt_encoder,
    classify,
    labelled,
    labels_of,
    load_encoder,
    tune_classifier,
)
from app.training.loop import Step, Watch
from app.training.options import MethodOptions, ScheduleOptions, TrainingOptions
from tests.unit.training.making import tiny_roberta, tiny_tokenizer

OPTIONS = TrainingOptions(
    method=MethodOptions(dropout=0.0),
    schedule=ScheduleOptions(steps=40, batch=8, learning_rate=2e-2),
)
ROWS = [Labelled("aaaa" * n, "low") for n in range(1, 5)] + [
    Labelled("zzzz" * n, "high") for n in range(1, 5)
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny_roberta().save_pretrained(tmp_path / "roberta")
    tiny_tokenizer().save_pretrained(tmp_path / "roberta")
    return tmp_path / "roberta"


def test_it_learns_labels_and_reads_back_the_same(folder: Path, tmp_path: Path) -> None:
    classifier = load_encoder(str(folder), labels_of(ROWS))
    texts = [row.text for row in ROWS]
    adapted = adapt_encoder(classifier, OPTIONS, len(ROWS))
    told: list[Step] = []

    outcome = tune_classifier(classifier, adapted, ROWS, OPTIONS, Watch(progress=told.append))
    shares = classify(classifier, adapted.model, texts, OPTIONS)

    assert outcome.losses[-1] < 0.1 < outcome.losses[0]
    assert [max(row, key=row.__getitem__) for row in shares] == [row.label for row in ROWS]
    assert len(told) == 40
    # The new head is kept with the adapter, or nothing could be told from it.
    save_tuned(tmp_path / "tuned", adapted.model, classifier.tokenizer, {}, card="# Mine\n")
    fresh = load_encoder(str(folder), classifier.labels)
    again = Classifier(
        with_adapter(fresh.model, tmp_path / "tuned"), fresh.tokenizer, classifier.labels
    )
    assert classify(again, again.model, texts, OPTIONS) == shares


def test_only_query_value_and_the_head_are_tuned(folder: Path) -> None:
    adapted = adapt_encoder(load_encoder(str(folder), ("a", "b")), OPTIONS, 8)

    tuned = {name for name, one in adapted.model.named_parameters() if one.requires_grad}

    assert all("query" in name or "value" in name or "classifier" in name for name in tuned)
    assert any("classifier" in name for name in tuned)
    assert adapted.share.share < 0.5


def test_it_stops_when_told(folder: Path) -> None:
    classifier = load_encoder(str(folder), ("high", "low"))
    adapted = adapt_encoder(classifier, OPTIONS, len(ROWS))

    outcome = tune_classifier(classifier, adapted, ROWS, OPTIONS, Watch(stop=lambda: True))

    assert (outcome.steps, outcome.stopped) == (0, True)


def test_one_label_is_nothing_to_learn() -> None:
    with pytest.raises(InvalidInput, match="two labels"):
        labels_of(ROWS[:4])


def test_a_classification_instance_is_a_text_and_its_label() -> None:
    row = labelled(Record("Is it high?", " yes\n", "A tower."))

    assert row == Labelled("Is it high?\n\nA tower.", "yes")


def test_an_unknown_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be loaded"):
        load_encoder(str(tmp_path / "none"), ("a", "b"))


def test_the_tiny_encoder_is_always_the_same() -> None:
    one, two = tiny_roberta().state_dict(), tiny_roberta().state_dict()

    assert all(torch.equal(one[name], two[name]) for name in one)
