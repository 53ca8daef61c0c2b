"""What a model answers: greedily, side by side as alone, and whether it came to its end."""

from pathlib import Path
from typing import Any

import pytest
import torch

from app.record import Record
from app.training.answering import Said, answers
from app.training.encoding import encode_prompt
from app.training.libraries import Model
from app.training.options import DataOptions
from tests.unit.training.making import spelling, tiny_gpt2, tiny_llama, tiny_tokenizer
from tests.unit.training.tuning import options_for, tuned

RECORDS = [Record("Spell it.", "", "w" * length) for length in (1, 9, 4)]


def greedily(model: Model, record: Record, most: int) -> Said:
    """One token after another, without padding or anything kept."""
    tokenizer = tiny_tokenizer()
    ids = list(encode_prompt(record, tokenizer, DataOptions()))
    said: list[int] = []
    while len(said) < most and tokenizer.eos_token_id not in said:
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([[*ids, *said]])).logits
        said.append(int(logits[0, -1].argmax()))
    text = tokenizer.decode(said, skip_special_tokens=True)
    return Said(text, tokenizer.eos_token_id not in said)


@pytest.mark.parametrize("make", [tiny_llama, tiny_gpt2])
def test_answers_side_by_side_are_those_of_a_plain_greedy_loop(make: Any) -> None:
    model = make().eval()

    told = list(answers(model, tiny_tokenizer(), RECORDS, DataOptions(), 12))

    assert told == [greedily(model, record, 12) for record in RECORDS]


def test_an_answer_is_cut_off_where_its_end_does_not_come_in_time(tmp_path: Path) -> None:
    options = options_for("full", steps=40)
    model = tuned(options, tmp_path)[0].model
    row = spelling(1)[0]

    whole = next(iter(answers(model, tiny_tokenizer(), [row], options.data, 20)))
    short = next(iter(answers(model, tiny_tokenizer(), [row], options.data, 2)))

    assert not whole.cut_off
    assert short.cut_off
    assert len(short.text) == 2
    assert whole.text.startswith(short.text)


def test_a_prompt_that_is_too_long_loses_its_beginning() -> None:
    model = tiny_llama().eval()
    long = Record("Spell it.", "", "x" * 300 + "w1")
    tail = encode_prompt(long, tiny_tokenizer(), DataOptions())[-60:]

    told = next(iter(answers(model, tiny_tokenizer(), [long], DataOptions(max_tokens=60), 8)))

    with torch.no_grad():
        first = int(model(input_ids=torch.tensor([tail])).logits[0, -1].argmax())
    expected = tiny_tokenizer().decode([first], skip_special_tokens=True)
    assert told.text.startswith(expected)


def test_a_model_under_tuning_stays_so() -> None:
    model = tiny_llama().train()

    assert len(list(answers(model, tiny_tokenizer(), spelling(20), DataOptions(), 2))) == 20
    assert model.training
