"""A model on held-out tasks: its answers with the likelihoods of the references."""

import math
from collections.abc import Callable, Sequence

import pytest
import torch

from app.dataset_row import Exchange, Record
from app.errors import MemoryTooSmall, TrainingError
from app.evaluation.answers import Contender, HeldOutTask
from app.training.learn.classifier import Classifier, classify
from app.training.learn.loss import log_probabilities
from app.training.plain.encoding import encode_all
from app.training.plain.library_types import Model
from app.training.plain.option_groups import DataOptions
from app.training.use.evaluate_tasks import answer_tasks, label_tasks
from app.training.use.greedy_answers import generate_answers
from tests.unit.training.tiny_models import (
    spelling,
    tiny_gpt2,
    tiny_llama,
    tiny_roberta,
    tiny_tokenizer,
)

pytestmark = pytest.mark.torch

TASKS = [HeldOutTask(f"t{number}", row) for number, row in enumerate(spelling(20))]
OPTIONS = DataOptions()


def measured(
    model: Model,
    answer_tokens: int | None = 4,
    options: DataOptions = OPTIONS,
    stop: Callable[[], bool] = lambda: False,
    tasks: Sequence[HeldOutTask] = TASKS,
) -> Contender | None:
    return answer_tasks("tiny", model, tiny_tokenizer(), tasks, options, answer_tokens, stop)


def test_every_task_has_its_answer_and_its_references_likelihoods() -> None:
    model = tiny_llama().eval()
    records = [task.record for task in TASKS]

    found = measured(model)

    assert found is not None
    said = list(generate_answers(model, tiny_tokenizer(), records, OPTIONS, 4))
    rows, _ = encode_all(records, tiny_tokenizer(), OPTIONS)
    likely = list(log_probabilities(model, rows, 0))
    assert [answer.task_id for answer in found.answers] == [task.id for task in TASKS]
    assert [answer.text for answer in found.answers] == [one.text for one in said]
    assert [answer.cut_off for answer in found.answers] == [one.cut_off for one in said]
    for answer, logarithms in zip(found.answers, likely, strict=True):
        assert answer.log_probabilities == pytest.approx(logarithms, abs=1e-5)


def test_the_bytes_of_a_reference_are_reported_where_it_was_measured_whole() -> None:
    chat = Record("And then?", "dog", history=(Exchange("First?", "cät"),))
    tasks = [*TASKS[:2], HeldOutTask("chat", chat), HeldOutTask("long", Record("Say.", "a " * 900))]

    found = measured(tiny_llama(), answer_tokens=None, tasks=tasks)

    assert found is not None
    sizes = [answer.reference_bytes for answer in found.answers]
    # Of a conversation all answers are measured; the last task was cut to the length.
    assert sizes == [*(len(task.reference) for task in TASKS[:2]), len("cät".encode()) + 3, None]


def test_where_no_answer_is_wanted_only_likelihoods_are_reported() -> None:
    found = measured(tiny_llama(), answer_tokens=None)

    assert found is not None
    assert {answer.text for answer in found.answers} == {None}
    assert not any(answer.cut_off for answer in found.answers)
    assert all(answer.log_probabilities for answer in found.answers)


def test_a_reference_of_which_nothing_is_left_has_no_likelihood() -> None:
    found = measured(tiny_llama(), options=DataOptions(max_tokens=16))

    assert found is not None
    assert {answer.log_probabilities for answer in found.answers} == {None}


@pytest.mark.parametrize(("answer_tokens", "looks"), [(None, 2), (500, 4)])
def test_it_stops_between_portions_and_within_answers_when_told(
    answer_tokens: int | None, looks: int
) -> None:
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) >= looks

    assert measured(tiny_llama(), answer_tokens, stop=stop) is None
    assert len(asked) <= looks + 1


@pytest.mark.parametrize(
    ("text", "kind", "reported"),
    [
        ("CUDA error: device is lost", TrainingError, "The GPU failed: CUDA error"),
        ("can't allocate memory", MemoryTooSmall, "A batch of 16 tasks did not fit"),
    ],
)
def test_a_device_that_fails_is_reported(
    text: str, kind: type[TrainingError], reported: str
) -> None:
    model = tiny_llama()

    def fail(*_: object) -> None:
        raise RuntimeError(text)

    model.register_forward_pre_hook(fail)

    with pytest.raises(kind, match=reported):
        measured(model)


def test_an_encoder_answers_with_its_likeliest_label() -> None:
    labels = ("blue", "red")
    classifier = Classifier(tiny_roberta().eval(), tiny_tokenizer(), labels)
    tasks = [
        HeldOutTask(str(number), Record("Which?", wanted, "x" * number))
        for number, wanted in enumerate(("Red.", "blue", "green"))
    ]

    found = label_tasks("tiny", classifier, tasks, OPTIONS, lambda: False)

    assert found is not None
    reported = classify(classifier, [task.record.request for task in tasks], OPTIONS)
    for answer, row in zip(found.answers, reported, strict=True):
        assert answer.text == ("blue" if row["blue"] > row["red"] else "red")
    likely = [answer.log_probabilities for answer in found.answers]
    assert likely[0] == pytest.approx((reported[0]["red"],))
    assert likely[1] == pytest.approx((reported[1]["blue"],))
    # No row to learn had that label.
    assert likely[2] == (-math.inf,)


def test_an_encoder_stops_when_told() -> None:
    classifier = Classifier(tiny_roberta(), tiny_tokenizer(), ("a", "b"))

    assert label_tasks("tiny", classifier, TASKS, OPTIONS, lambda: True) is None


def test_what_is_asked_changes_no_weight() -> None:
    model = tiny_llama()
    before = {name: weights.clone() for name, weights in model.state_dict().items()}

    measured(model)

    assert all(torch.equal(before[name], now) for name, now in model.state_dict().items())


def test_a_task_longer_than_the_model_has_places_for_is_cut() -> None:
    tasks = [HeldOutTask("long", Record("Spell.", "y" * 900, "x" * 700))]

    found = measured(tiny_gpt2().eval(), options=DataOptions(max_tokens=4000), tasks=tasks)

    assert found is not None
    (answer,) = found.answers
    assert answer.log_probabilities
    assert len(answer.log_probabilities) < 200
