"""What a model makes of rows: its probabilities equal a plain softmax taken by hand."""

import math

import pytest
import torch
from transformers import Lfm2Config, Lfm2ForCausalLM, MambaConfig, MambaForCausalLM

from app.training.learn.loss import answer_examples, isolates_packed_rows, log_probabilities
from app.training.plain.encoding import Encoded, encode_all
from app.training.plain.library_types import Model
from app.training.plain.option_groups import DataOptions
from tests.unit.training.tiny_models import spelling, talk, tiny_gpt2, tiny_llama, tiny_tokenizer
from tests.unit.training.tiny_training import mean_loss

pytestmark = pytest.mark.torch


def by_hand(model: Model, row: Encoded) -> list[float]:
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([row.ids])).logits[0].tolist()
    found = []
    for place, label in enumerate(row.labels[1:]):
        if label >= 0:
            powers = [math.exp(value) for value in logits[place]]
            found.append(math.log(powers[label] / math.fsum(powers)))
    return found


@pytest.mark.parametrize("model", [tiny_llama(), tiny_gpt2()], ids=["llama", "gpt2"])
def test_log_probabilities_are_a_plain_softmax_at_the_answers_tokens(model: Model) -> None:
    # Of unequal length, so that the shorter are padded, and more than go in at a time.
    rows, _ = encode_all([*spelling(10), talk()], tiny_tokenizer(), DataOptions())

    reported = list(log_probabilities(model.eval(), rows, 0, batch_size=4))

    assert [len(one) for one in reported] == [row.loss_tokens for row in rows]
    for one, row in zip(reported, rows, strict=True):
        assert one == pytest.approx(by_hand(model, row), abs=1e-5)


def test_the_mean_loss_is_their_mean() -> None:
    model = tiny_llama()
    rows, _ = encode_all(spelling(5), tiny_tokenizer(), DataOptions())

    every = [value for one in log_probabilities(model, rows, 0) for value in one]

    mean = mean_loss(model, [(row,) for row in rows], 0)
    assert mean == pytest.approx(-math.fsum(every) / len(every), rel=1e-5)


def test_a_model_under_tuning_stays_so_and_tells_without_dropout() -> None:
    model = tiny_gpt2().train()
    rows, _ = encode_all(spelling(3), tiny_tokenizer(), DataOptions())

    one, two = (list(log_probabilities(model, rows, 0)) for _ in range(2))

    assert one == two
    assert model.training


def test_lessons_put_the_rows_of_their_places_together() -> None:
    model = tiny_llama().eval()
    rows, _ = encode_all(spelling(12), tiny_tokenizer(), DataOptions())
    examples = answer_examples([(row,) for row in rows])

    portion = examples.make_micro_batch([3, 11], 0)

    alone = mean_loss(model, [(rows[3],), (rows[11],)], 0)
    assert len(examples) == 12
    assert examples.lengths[11] == len(rows[11].ids)
    assert portion.loss_tokens == rows[3].loss_tokens + rows[11].loss_tokens
    with torch.no_grad():
        assert float(portion.summed_loss(model)) / portion.loss_tokens == pytest.approx(alone)


def test_models_that_see_packed_rows_apart_are_told_from_those_that_do_not() -> None:
    size = {"vocab_size": 300, "hidden_size": 32, "num_hidden_layers": 2}
    attention = {"num_attention_heads": 4, "num_key_value_heads": 4, "intermediate_size": 64}
    # A convolution beside the attention hands on what came before.
    mixed = Lfm2ForCausalLM(Lfm2Config(**size, **attention, layer_types=["conv", "full_attention"]))
    handing_on = MambaForCausalLM(MambaConfig(**size))

    assert isolates_packed_rows(tiny_llama())
    assert isolates_packed_rows(tiny_gpt2())
    assert not isolates_packed_rows(mixed)
    assert not isolates_packed_rows(handing_on)
