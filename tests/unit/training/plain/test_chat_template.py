"""Chat templates: real ones, and the faults that templates have.

The answer is under loss, decoded and compared, and the prompt is that of the tuned model.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
import trl

from app.dataset_row import Record
from app.errors import RowRefused
from app.training.plain.encoding import encode, encode_all, encode_prompt
from app.training.plain.masking import split_row
from app.training.plain.option_groups import DataOptions
from tests.unit.training.plain.test_masking import learnt
from tests.unit.training.tiny_models import CHAT, talk, tiny_tokenizer

pytestmark = pytest.mark.torch

OPTIONS = DataOptions(template="chat", max_tokens=8192)
REAL = sorted((Path(trl.__file__).parent / "chat_templates").glob("*.jinja"))
FAMILIES = (
    "llama3",
    "llama3_1",
    "llama3_2",
    "qwen2_5",
    "qwen3",
    "gemma",
    "gemma3",
    "phi3",
    "gptoss",
)
"""TRL's package brings no template of Mistral."""
ASK_WITH_THOUGHTS = {"deepseek_r1_distill", "deepseekv3"}
"""They open each answer with thoughts to ask for it, and leave these out of finished answers."""
ANSWERS = ("Bonjour.", "Ciao.", "Adiós.")
ROWS = (
    Record("Add the numbers.", "It is 3.", "1 and 2"),
    Record("Add.", "It is 3.", system="Be brief, please."),
    Record("Add.", "  3\n\n  4 \n"),
    Record("Follow up.", "Adiós.", history=talk().history),
    talk(),
)


def test_the_package_brings_the_templates_of_these_families() -> None:
    assert {path.stem for path in REAL} >= {*FAMILIES, *ASK_WITH_THOUGHTS}


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_with_real_templates_the_answers_are_learnt(path: Path) -> None:
    tokenizer = tiny_tokenizer(path.read_text(encoding="utf-8"))
    if path.stem.removesuffix("_training") in ASK_WITH_THOUGHTS:
        with pytest.raises(RowRefused, match="does not take a row") as caught:
            encode(ROWS[0], tokenizer, OPTIONS)
        assert "asks for an answer with" in caught.value.why
        assert "<think>" in caught.value.why
        return
    for row in ROWS:
        encoded, prompt = encode(row, tokenizer, OPTIONS), encode_prompt(row, tokenizer, OPTIONS)
        text, split = learnt(encoded, tokenizer), split_row(row, "chat", tokenizer)
        earlier = [] if split.last_answer_only else [turn.assistant for turn in row.history]
        wanted = [*earlier, row.output.strip()]
        assert encoded.ids[: len(prompt)] == prompt
        assert _without(text, wanted) == _without(text, wanted).replace(row.instruction, "")
        shown = tokenizer.decode(prompt)
        texts = [row.instruction, row.system, *(turn.user for turn in row.history)]
        assert all(one in shown for one in texts)


def _without(text: str, answers: Sequence[str]) -> str:
    """Return what is under loss beside the answers, each of which is there once and in order."""
    rest = ""
    for answer in answers:
        before, found, text = text.partition(answer)
        assert found
        rest += before
    assert not any(answer in text for answer in answers)
    return rest + text


def test_content_that_is_read_as_a_list_of_parts_is_given_as_one() -> None:
    of_parts = (
        "{% for m in messages %}<|{{ m['role'] }}|>{% for part in m['content'] %}{{ part['text'] }}"
        "{% endfor %}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
    )
    tokenizer = tiny_tokenizer(of_parts)

    assert (
        learnt(encode(talk(), tokenizer, OPTIONS), tokenizer)
        == "Bonjour.<|end|>Ciao.<|end|>Adiós.<|end|>"
    )
    assert "And Goodbye?" in tokenizer.decode(encode_prompt(talk(), tokenizer, OPTIONS))


def test_a_template_that_leaves_out_the_question_is_refused() -> None:
    silent = "{% for m in messages if m['role'] == 'assistant' %}{{ m['content'] }}{% endfor %}"

    with pytest.raises(RowRefused) as caught:
        encode(ROWS[0], tiny_tokenizer(silent), OPTIONS)

    assert caught.value.why == "the chat template leaves out the text of the user"


def test_a_question_that_is_written_in_another_way_later_is_refused() -> None:
    with pytest.raises(RowRefused) as caught:
        encode(ROWS[0], tiny_tokenizer("{{ messages | length }}" + CHAT), OPTIONS)

    assert caught.value.why.endswith("writes a question in another way once it is answered")


def test_without_a_generation_prompt_the_header_belongs_to_the_prompt() -> None:
    tokenizer = tiny_tokenizer(CHAT.partition("{% if add_generation_prompt %}")[0])

    row = encode(talk(), tokenizer, OPTIONS)

    assert learnt(row, tokenizer) == "Bonjour.<|end|>Ciao.<|end|>Adiós.<|end|>"
    asked = Record(talk().instruction, "", talk().input, talk().system, talk().history)
    assert row.ids[: len(encode_prompt(asked, tokenizer, OPTIONS))] == encode_prompt(
        asked, tokenizer, OPTIONS
    )
    assert tokenizer.decode(encode_prompt(asked, tokenizer, OPTIONS)).endswith("<|assistant|>\n")


def test_of_a_template_that_changes_earlier_turns_the_last_answer_is_learnt() -> None:
    marking = CHAT.replace(
        "<|end|>", "{{ ' (last)' if loop.last and m['role'] == 'assistant' }}<|end|>"
    )
    tokenizer = tiny_tokenizer(marking)

    _, report = encode_all([talk(), ROWS[0]], tokenizer, OPTIONS)

    assert learnt(encode(talk(), tokenizer, OPTIONS), tokenizer) == "Adiós. (last)<|end|>"
    assert (report.kept, report.last_answer_only) == (2, 1)


def test_a_system_message_that_is_refused_stands_before_the_first_question() -> None:
    refusing = (
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('No system role') }}{% endif %}"
    )
    leaving_out = CHAT.replace(
        "{% for m in messages %}", "{% for m in messages if m['role'] != 'system' %}"
    )
    for template in (refusing + CHAT, leaving_out):
        tokenizer = tiny_tokenizer(template)
        _, report = encode_all([talk(), ROWS[0]], tokenizer, OPTIONS)
        assert (report.kept, report.folded_system) == (2, 1)
        shown = tokenizer.decode(encode_prompt(talk(), tokenizer, OPTIONS))
        assert shown.startswith("<|user|>\nYou are brief.\n\nSay Hello in French.<|end|>")


def test_a_dated_template_writes_the_day_of_the_job() -> None:
    tokenizer = tiny_tokenizer("{{ strftime_now('%d %b %Y') }} " + CHAT)

    day = date(2025, 3, 1)
    [row], _ = encode_all([ROWS[0]], tokenizer, OPTIONS, day)

    assert tokenizer.decode(row.ids).startswith("01 Mar 2025 ")
    [today], _ = encode_all([ROWS[0]], tokenizer, OPTIONS)
    assert not tokenizer.decode(today.ids).startswith("01 Mar 2025 ")
