"""The tokens under loss are exactly the answers and their ends: decoded, and compared."""

from collections.abc import Sequence
from typing import Any

import pytest

from app.dataset_row import Record
from app.errors import InvalidInput
from app.training.plain.encoding import NO_LOSS, Encoded, encode, encode_all, encode_prompt
from app.training.plain.masking import TemplateName
from app.training.plain.option_groups import DataOptions
from tests.unit.training.tiny_models import spelling, talk, tiny_tokenizer

pytestmark = pytest.mark.torch

TEMPLATES: Sequence[TemplateName] = ("alpaca", "chat")


def learnt(row: Encoded, tokenizer: Any) -> str:
    text: str = tokenizer.decode([label for label in row.labels if label != NO_LOSS])
    return text


@pytest.mark.parametrize("template", TEMPLATES)
def test_of_a_task_the_answer_and_its_end_are_learnt(template: TemplateName) -> None:
    tokenizer = tiny_tokenizer()

    row = encode(Record("Add.", " 3 \n", "1 and 2"), tokenizer, DataOptions(template=template))

    assert learnt(row, tokenizer) == " 3 \n<|end|>"
    assert all(label in (NO_LOSS, token) for token, label in zip(row.ids, row.labels, strict=True))


@pytest.mark.parametrize("template", TEMPLATES)
def test_of_a_chat_every_answer_and_its_end_are_learnt(template: TemplateName) -> None:
    tokenizer = tiny_tokenizer()

    row = encode(talk(), tokenizer, DataOptions(template=template))

    assert learnt(row, tokenizer) == "Bonjour.<|end|>Ciao.<|end|>Adiós.<|end|>"


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_model_is_asked_with_exactly_what_stood_before_the_answer(template: TemplateName) -> None:
    tokenizer = tiny_tokenizer()
    options = DataOptions(template=template)

    row, prompt = encode(talk(), tokenizer, options), encode_prompt(talk(), tokenizer, options)

    assert row.ids[: len(prompt)] == prompt
    assert tokenizer.decode(row.ids[len(prompt) :]).rstrip("\n") == "Adiós.<|end|>"


def test_alpacas_template_names_the_input_only_where_there_is_one() -> None:
    tokenizer = tiny_tokenizer()

    with_input, without = (
        tokenizer.decode(encode_prompt(Record("Do.", "x", given), tokenizer, DataOptions()))
        for given in ("this", "")
    )

    assert with_input.endswith("### Instruction:\nDo.\n\n### Input:\nthis\n\n### Response:\n")
    assert without.endswith("### Instruction:\nDo.\n\n### Response:\n")
    assert "Input" not in without


def test_a_template_without_the_models_end_gets_it_once_at_the_last_answer() -> None:
    tokenizer = tiny_tokenizer(
        "{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }} [/]\n{% endfor %}"
        "{% if add_generation_prompt %}[assistant] {% endif %}"
    )

    row = encode(talk(), tokenizer, DataOptions(template="chat"))

    assert learnt(row, tokenizer) == "Bonjour. [/]Ciao. [/]Adiós. [/]<|end|>"


def test_a_model_without_a_chat_template_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no chat template"):
        encode(talk(), tiny_tokenizer(None), DataOptions(template="chat"))


def test_a_marker_in_a_users_text_is_plain_text() -> None:
    tokenizer = tiny_tokenizer()

    row = encode(Record("Say <|end|>.", "It is <|end|>."), tokenizer, DataOptions())

    assert row.ids.count(tokenizer.eos_token_id) == 1
    assert row.ids[-1] == tokenizer.eos_token_id


def test_what_is_too_long_is_cut_and_counted_and_what_has_nothing_left_is_dropped() -> None:
    tokenizer = tiny_tokenizer()
    whole = encode(Record("A", "bcd"), tokenizer, DataOptions())
    most = len(whole.ids)
    rows = [Record("A", "bcd"), Record("A", "bcdef"), Record("A" * 10, "b")]

    kept, report = encode_all(rows, tokenizer, DataOptions(max_tokens=most))

    assert [learnt(row, tokenizer) for row in kept] == ["bcd<|end|>", "bcde"]
    assert (report.rows, report.kept, report.truncated, report.dropped) == (3, 2, 1, 1)
    assert report.tokens == 2 * most
    assert report.tokens_under_loss == 8
    assert report.tokens_cut == 2 + 7


def test_rows_of_which_nothing_is_left_are_refused_with_the_numbers() -> None:
    with pytest.raises(InvalidInput) as caught:
        encode_all(spelling(3), tiny_tokenizer(), DataOptions(max_tokens=8))

    assert "none of 3 rows" in str(caught.value.faults[0])
    assert "8 tokens" in str(caught.value.faults[0])


def test_rows_that_cannot_be_learnt_are_dropped_counted_and_named() -> None:
    only_short = (
        "{% for m in messages %}{% if 'secret' in m['content'] %}{{ raise_exception('Never') }}"
        "{% endif %}{{ m['content'] }}<|end|>{% endfor %}"
    )
    rows = [
        Record("A", "one"),
        Record("A", " \n"),
        Record("A", "secret"),
        Record("A", "two", system="Be brief."),
        Record("A", "a secret"),
    ]

    kept, report = encode_all(rows, tiny_tokenizer(only_short), DataOptions(template="chat"))

    assert len(kept) == 2
    assert (report.rows, report.kept, report.dropped) == (5, 2, 3)
    assert report.refused == {"its answer is empty": 1, "the chat template says: Never": 2}
    assert report.first_refused == {"its answer is empty": 2, "the chat template says: Never": 3}


def test_if_the_template_takes_no_row_the_reason_is_given() -> None:
    strict = "{{ raise_exception('Never') }}"

    with pytest.raises(InvalidInput) as caught:
        encode_all(spelling(3), tiny_tokenizer(strict), DataOptions(template="chat"))

    assert "3 of 3 rows: the chat template says: Never" in str(caught.value.faults[0])
    assert caught.value.faults[0].field == "data.template"


def test_empty_answers_are_not_learnt_with_any_template() -> None:
    _, report = encode_all([Record("A", "b"), Record("A", "")], tiny_tokenizer(), DataOptions())

    assert report.refused == {"its answer is empty": 1}
