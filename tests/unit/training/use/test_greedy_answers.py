"""What a model answers: greedily, side by side as alone, and whether it came to its end."""

from typing import Any

import pytest
import torch

from app.dataset_row import Record
from app.training.plain.encoding import encode_prompt
from app.training.plain.library_types import Model
from app.training.plain.option_groups import DataOptions
from app.training.use.greedy_answers import GeneratedAnswer, generate_answers
from tests.unit.training.tiny_models import spelling, tiny_gpt2, tiny_llama, tiny_tokenizer

pytestmark = pytest.mark.torch

RECORDS = [Record("Spell it.", "", "w" * length) for length in (1, 9, 4)]


def greedily(model: Model, record: Record, most: int) -> list[int]:
    """One token after another, without padding, an end, or anything kept."""
    ids = list(encode_prompt(record, tiny_tokenizer(), DataOptions()))
    said: list[int] = []
    while len(said) < most:
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([[*ids, *said]])).logits
        said.append(int(logits[0, -1].argmax()))
    return said


@pytest.mark.parametrize("make", [tiny_llama, tiny_gpt2])
def test_answers_side_by_side_are_those_of_a_plain_greedy_loop(make: Any) -> None:
    model = make().eval()

    reported = list(generate_answers(model, tiny_tokenizer(), RECORDS, DataOptions(), 12))

    said = [greedily(model, record, 12) for record in RECORDS]
    assert all(tiny_tokenizer().eos_token_id not in ids for ids in said)
    assert reported == [GeneratedAnswer(tiny_tokenizer().decode(ids), cut_off=True) for ids in said]


def test_an_answer_is_cut_off_where_its_end_does_not_come_in_time() -> None:
    model, tokenizer = tiny_llama().eval(), tiny_tokenizer()
    said = greedily(model, RECORDS[0], 12)
    # From now on the last new thing that it says is its end.
    end = max(said.index(token) for token in set(said))
    tokenizer.add_special_tokens({"eos_token": tokenizer.convert_ids_to_tokens(said[end])})

    (whole,) = generate_answers(model, tokenizer, RECORDS[:1], DataOptions(), 12)
    (short,) = generate_answers(model, tokenizer, RECORDS[:1], DataOptions(), end)

    assert end > 0
    text = tokenizer.decode(said[:end])
    assert whole == GeneratedAnswer(text, cut_off=False)
    assert short == GeneratedAnswer(text, cut_off=True)


def test_a_prompt_that_is_too_long_loses_its_beginning() -> None:
    model = tiny_llama().eval()
    long = Record("Spell it.", "", "x" * 300 + "w1")
    tail = encode_prompt(long, tiny_tokenizer(), DataOptions())[-60:]

    reported = next(
        iter(generate_answers(model, tiny_tokenizer(), [long], DataOptions(max_tokens=60), 8))
    )

    with torch.no_grad():
        first = int(model(input_ids=torch.tensor([tail])).logits[0, -1].argmax())
    expected = tiny_tokenizer().decode([first], skip_special_tokens=True)
    assert reported.text.startswith(expected)


def test_a_model_under_tuning_stays_so() -> None:
    model = tiny_llama().train()

    assert (
        len(list(generate_answers(model, tiny_tokenizer(), spelling(20), DataOptions(), 2))) == 20
    )
    assert model.training


def test_an_answer_ends_at_an_end_that_the_models_makers_name_too() -> None:
    model, tokenizer = tiny_llama().eval(), tiny_tokenizer()
    said = greedily(model, RECORDS[0], 12)
    end = max(said.index(token) for token in set(said))
    model.generation_config.eos_token_id = [1, said[end]]

    (reported,) = generate_answers(model, tokenizer, RECORDS[:1], DataOptions(), 12)

    assert end > 0
    assert reported == GeneratedAnswer(tokenizer.decode(said[:end]), cut_off=False)


def test_a_penalty_that_comes_with_the_model_changes_no_likeliest_answer() -> None:
    model = tiny_llama().eval()
    before = list(generate_answers(model, tiny_tokenizer(), RECORDS, DataOptions(), 12))
    model.generation_config.repetition_penalty = 5.0

    assert list(generate_answers(model, tiny_tokenizer(), RECORDS, DataOptions(), 12)) == before


def test_an_answer_ends_where_the_model_has_no_more_places() -> None:
    model = tiny_gpt2().eval()
    long = Record("Spell it.", "", "x" * 1200)

    (reported,) = generate_answers(
        model, tiny_tokenizer(), [long], DataOptions(max_tokens=1024), 50
    )

    assert reported.cut_off


def test_told_to_stop_it_ends_answers_as_they_are() -> None:
    looks: list[int] = []

    def stop() -> bool:
        looks.append(1)
        return len(looks) >= 3

    (reported,) = generate_answers(
        tiny_llama(), tiny_tokenizer(), RECORDS[:1], DataOptions(), 500, stop
    )

    assert reported.cut_off
    assert len(looks) == 3
