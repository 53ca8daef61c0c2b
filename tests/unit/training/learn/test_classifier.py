"""An encoder learns labels by an adapter on query and value."""

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification, BertModel

from app.dataset_row import Record
from app.errors import InvalidInput
from app.training.learn.checkpoints import tuned_weights
from app.training.learn.classifier import (
    Classifier,
    LabelledText,
    classify,
    count_labels,
    encode_texts,
    label_examples,
    labelled_text,
    make_classifier,
)
from app.training.learn.loop import TrainingHooks, TrainingOutcome, learn
from app.training.model.base_models import (
    classification_head,
    load_for_inference,
    load_for_training,
)
from app.training.model.device import Device
from app.training.model.methods import AdaptedModel, adapt
from app.training.plain.option_groups import DataOptions, MethodName, MethodOptions
from app.training.plain.options import TrainingOptions
from app.training.publish.adapter_folder import (
    load_adapter,
    merge_adapter,
    save_tuned,
    training_record,
)
from tests.unit.training.tiny_models import (
    LAYERS,
    WIDTH,
    tiny_gpt2,
    tiny_llama,
    tiny_roberta,
    tiny_tokenizer,
)

pytestmark = pytest.mark.torch

STEPS = 24
LEARNT: Sequence[MethodName] = ("lora", "rslora", "dora", "adalora", "ia3", "bottleneck", "full")
ROWS = [LabelledText("aaaa" * n, "low") for n in range(1, 5)] + [
    LabelledText("zzzz" * n, "high") for n in range(1, 5)
]
TEXTS = [row.text for row in ROWS]


def options_for(folder: Path, name: MethodName = "lora", **schedule: float) -> TrainingOptions:
    values = {"steps": STEPS, "batch": 8, "micro_batch": 4, "learning_rate": 2e-2}
    return TrainingOptions.model_validate(
        {
            "base_model": str(folder),
            "task": "labels",
            "method": {"name": name, "dropout": 0.0},
            "schedule": {**values, "checkpoint_every": 9, **schedule},
        }
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny_roberta().save_pretrained(tmp_path / "roberta")
    tiny_tokenizer().save_pretrained(tmp_path / "roberta")
    return tmp_path / "roberta"


def loaded(options: TrainingOptions) -> Classifier:
    labels = list(count_labels(ROWS))
    return make_classifier(
        load_for_training(options, Path(), Device(), classification_head(labels)), labels
    )


def taught(
    options: TrainingOptions, checkpoints: Path, watch: TrainingHooks | None = None
) -> tuple[Classifier, AdaptedModel, TrainingOutcome]:
    classifier = loaded(options)
    read, _ = encode_texts(classifier, ROWS, options.data)
    torch.manual_seed(options.seed)
    adapted = adapt(classifier.model, options.method, STEPS, "SEQ_CLS")
    outcome = learn(adapted, label_examples(read), options, checkpoints, watch or TrainingHooks())
    return Classifier(adapted.model, classifier.tokenizer, classifier.labels), adapted, outcome


def likeliest(classifier: Classifier) -> Sequence[str]:
    reported = classify(classifier, TEXTS, DataOptions())
    return [max(row, key=row.__getitem__) for row in reported]


@pytest.mark.parametrize("name", LEARNT)
def test_it_learns_labels_and_reads_back_the_same(
    name: MethodName, folder: Path, tmp_path: Path
) -> None:
    options = options_for(folder, name, learning_rate=5e-3 if name == "full" else 2e-2)
    read, report = encode_texts(loaded(options), ROWS, options.data)

    tuned, adapted, outcome = taught(options, tmp_path / "checkpoints")

    assert outcome.losses[-1] < 0.1 < outcome.losses[0]
    assert likeliest(tuned) == [row.label for row in ROWS]
    # The new head is kept with the adapter, or its labels could not be read.
    facts = training_record(adapted, options, outcome, report, count_labels(ROWS))
    save_tuned(tmp_path / "tuned", tuned.model, tuned.tokenizer, facts)
    again = read_back(options, tmp_path / "tuned", tuned.labels)
    before, after = (classify(one, TEXTS, options.data) for one in (tuned, again))
    assert len(read) == report.kept == len(ROWS)
    # Of AdaLoRA the directions that were taken away are not saved, and sums round anew.
    assert [list(row.values()) for row in after] == [
        pytest.approx(list(row.values()), abs=1e-5 if name == "adalora" else 0) for row in before
    ]


def read_back(options: TrainingOptions, tuned: Path, labels: Sequence[str]) -> Classifier:
    source = str(tuned) if options.method.name == "full" else options.base_model
    new_modules = make_classifier(
        load_for_inference(source, Path(), Device(), classification_head(labels)), labels
    )
    if options.method.name == "full":
        return new_modules
    return Classifier(
        load_adapter(new_modules.model, tuned), new_modules.tokenizer, new_modules.labels
    )


def test_merged_it_tells_the_same(folder: Path, tmp_path: Path) -> None:
    tuned, _, _ = taught(options_for(folder), tmp_path)
    before = classify(tuned, TEXTS, DataOptions())

    whole = Classifier(merge_adapter(tuned.model), tuned.tokenizer, tuned.labels)

    for row, other in zip(classify(whole, TEXTS, DataOptions()), before, strict=True):
        assert row == pytest.approx(other, abs=1e-3)


def test_stopped_and_resumed_it_ends_with_the_same_weights(folder: Path, tmp_path: Path) -> None:
    options = options_for(folder)
    _, whole, undisturbed = taught(options, tmp_path / "whole")
    seen: list[object] = []
    watch = TrainingHooks(on_step=seen.append, should_stop=lambda: len(seen) == 13)

    _, _, stopped = taught(options, tmp_path / "stopped", watch)
    _, resumed, outcome = taught(options, tmp_path / "stopped")

    assert (stopped.steps, stopped.stopped, outcome.resumed_from) == (13, True, 13)
    assert outcome.losses == undisturbed.losses
    expected = tuned_weights(whole.model)
    for name, weights in tuned_weights(resumed.model).items():
        assert torch.equal(weights, expected[name])


def test_only_query_value_and_the_head_are_tuned(folder: Path) -> None:
    adapted = adapt(loaded(options_for(folder)).model, MethodOptions(), STEPS, "SEQ_CLS")

    tuned = {name: p.numel() for name, p in adapted.model.named_parameters() if p.requires_grad}
    low_rank = sum(size for name, size in tuned.items() if "lora_" in name)
    assert all("query" in name or "value" in name or "classifier" in name for name in tuned)
    assert low_rank == 2 * LAYERS * 2 * 8 * WIDTH
    # Two matrices with what is added to them.
    assert adapted.parameters.tuned - low_rank == WIDTH * WIDTH + WIDTH + 2 * WIDTH + 2


def test_at_the_start_the_adapter_changes_nothing(folder: Path) -> None:
    classifier = loaded(options_for(folder))
    before = classify(classifier, TEXTS, DataOptions())

    adapted = adapt(classifier.model, MethodOptions(), STEPS, "SEQ_CLS")

    after = Classifier(adapted.model, classifier.tokenizer, classifier.labels)
    assert classify(after, TEXTS, DataOptions()) == before


def test_all_linear_leaves_the_head_alone(folder: Path) -> None:
    method = MethodOptions(targets="all linear")

    adapted = adapt(loaded(options_for(folder)).model, method, STEPS, "SEQ_CLS")

    assert len(adapted.targets) == 6 * LAYERS
    assert not any("classifier" in target for target in adapted.targets)


@pytest.mark.parametrize("make", [tiny_gpt2, tiny_llama])
def test_a_decoder_with_a_head_learns_labels_too(make: object, tmp_path: Path) -> None:
    assert callable(make)
    make().save_pretrained(tmp_path / "decoder")
    tiny_tokenizer().save_pretrained(tmp_path / "decoder")

    tuned, _, outcome = taught(options_for(tmp_path / "decoder"), tmp_path / "checkpoints")

    assert outcome.losses[-1] < 0.1
    assert likeliest(tuned) == [row.label for row in ROWS]


def test_an_encoder_with_other_labels_gets_a_new_head(tmp_path: Path) -> None:
    tiny_roberta(labels=5).save_pretrained(tmp_path / "five")
    tiny_tokenizer().save_pretrained(tmp_path / "five")

    classifier = loaded(options_for(tmp_path / "five"))

    assert classifier.model.config.id2label == {0: "high", 1: "low"}
    shares = classify(classifier, ["aaaa"], DataOptions())[0]
    assert sum(map(math.exp, shares.values())) == pytest.approx(1.0)


def test_padding_changes_no_label(folder: Path) -> None:
    classifier = loaded(options_for(folder))

    together = classify(classifier, TEXTS, DataOptions())
    alone = [classify(classifier, [text], DataOptions())[0] for text in TEXTS]

    for one, other in zip(together, alone, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_what_an_encoder_has_no_place_for_is_cut_and_counted(folder: Path, tmp_path: Path) -> None:
    long = [LabelledText("a" * 700, "low"), LabelledText("z", "high")]
    bert = BertForSequenceClassification(
        BertConfig(
            vocab_size=300, hidden_size=8, intermediate_size=8, num_hidden_layers=1,
            num_attention_heads=1, max_position_embeddings=50,
        )
    )  # fmt: skip
    bert.save_pretrained(tmp_path / "bert")
    tiny_tokenizer().save_pretrained(tmp_path / "bert")

    # RoBERTa's 600 places begin behind that of the padding.
    for source, room in ((folder, 599), (tmp_path / "bert", 50)):
        classifier = loaded(options_for(source))
        read, report = encode_texts(classifier, long, DataOptions(max_tokens=4000))

        assert [len(row.ids) for row in read] == [room, 1]
        assert (report.truncated, report.tokens_cut) == (1, 700 - room)
        assert classify(classifier, ["a" * 700], DataOptions(max_tokens=4000))


def test_one_label_is_nothing_to_learn() -> None:
    with pytest.raises(InvalidInput, match="two labels") as caught:
        count_labels(ROWS[:4])

    assert str(caught.value.faults[0]) == "task: 4 training rows have 1 labels; all are 'low'"


def test_labels_come_in_the_alphabets_order_with_their_rows() -> None:
    assert list(count_labels(ROWS[1:]).items()) == [("high", 4), ("low", 3)]


def test_a_classification_instance_is_a_text_and_its_label() -> None:
    row = labelled_text(Record("Is it high?", " Yes.\n", "A tower."))

    assert row == LabelledText("Is it high?\n\nA tower.", "yes")


def test_an_unknown_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be loaded"):
        loaded(options_for(tmp_path / "none"))


def test_the_tiny_encoder_is_always_the_same() -> None:
    one, two = tiny_roberta().state_dict(), tiny_roberta().state_dict()

    assert all(torch.equal(one[name], two[name]) for name in one)


def test_every_part_of_a_new_head_is_learnt_and_kept(tmp_path: Path) -> None:
    """Of BERT without a pooler peft knows the last matrix of the head alone."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=300, hidden_size=WIDTH, intermediate_size=64, num_hidden_layers=LAYERS,
        num_attention_heads=4,
    )  # fmt: skip
    BertModel(config, add_pooling_layer=False).save_pretrained(tmp_path / "bert")
    tiny_tokenizer().save_pretrained(tmp_path / "bert")
    options = options_for(tmp_path / "bert")
    read, report = encode_texts(loaded(options), ROWS, options.data)

    classifier = loaded(options)
    new_modules = load_for_training(
        options, Path(), Device(), classification_head(classifier.labels)
    ).new_modules
    torch.manual_seed(1)
    adapted = adapt(classifier.model, options.method, STEPS, "SEQ_CLS", new_modules)
    outcome = learn(
        adapted, label_examples(read), options, tmp_path / "checkpoints", TrainingHooks()
    )
    tuned = Classifier(adapted.model, classifier.tokenizer, classifier.labels)
    facts = training_record(adapted, options, outcome, report, count_labels(ROWS))
    save_tuned(tmp_path / "tuned", tuned.model, tuned.tokenizer, facts)
    torch.manual_seed(2)
    again = read_back(options, tmp_path / "tuned", tuned.labels)

    assert set(new_modules) == {"bert.pooler", "classifier"}
    assert any("pooler" in name for name in tuned_weights(adapted.model))
    assert classify(again, TEXTS, options.data) == classify(tuned, TEXTS, options.data)


def test_a_head_that_comes_with_the_model_is_not_new(folder: Path) -> None:
    there, fewer = (
        load_for_training(
            options_for(folder), Path(), Device(), classification_head(labels)
        ).new_modules
        for labels in (["high", "low"], ["a", "b", "c"])
    )

    assert there == ()
    # Its last matrix has as many rows as there are labels; what is below it stays.
    assert fewer == ("classifier.out_proj",)
