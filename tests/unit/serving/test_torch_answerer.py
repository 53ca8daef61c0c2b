"""Every method served through torch: what is answered is what tuning and its measuring answer."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import openai
import pytest

from app.errors import InvalidInput
from app.serving.tuned_model import TunedModel, find_tuned
from app.training.model.base_models import load_for_inference
from app.training.model.device import default_device
from app.training.model.methods import adapt
from app.training.plain.option_groups import DataOptions, MethodName
from app.training.plain.options import TrainingOptions
from app.training.plain.training_record import TrainingRecord
from app.training.publish.adapter_folder import load_adapter, save_tuned
from app.training.use.greedy_answers import generate_answers
from tests.unit.serving.tiny import ROW, client_of, tuned_folder
from tests.unit.training.tiny_models import talk, tiny_llama, tiny_tokenizer

pytestmark = pytest.mark.torch

METHODS: list[MethodName] = ["lora", "dora", "adalora", "prefix", "ia3", "bottleneck", "full"]


def asked(client: openai.OpenAI, model: str, **fields: Any) -> str:
    body = {"max_tokens": 12, "temperature": 0.0, "extra_body": {"input": ROW.input}, **fields}
    answer = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": ROW.instruction}], **body
    )
    return answer.choices[0].message.content or ""


@pytest.fixture(scope="module")
def lora_model(tmp_path_factory: pytest.TempPathFactory) -> TunedModel:
    return tuned_folder("lora", tmp_path_factory.mktemp("lora"))


@pytest.fixture(scope="module")
def lora(lora_model: TunedModel) -> Iterator[openai.OpenAI]:
    with client_of(lora_model) as client:
        yield client


@pytest.mark.parametrize("name", METHODS)
def test_tuned_and_base_answer_as_when_they_were_measured(
    name: MethodName, lora_model: TunedModel, tmp_path: Path
) -> None:
    model = lora_model if name == "lora" else tuned_folder(name, tmp_path)
    base = load_for_inference(model.options.base_model, tmp_path, default_device())
    said_by_base = next(
        generate_answers(base.model, base.tokenizer, [ROW], model.options.data, 12)
    ).text
    if name == "full":
        again = load_for_inference(str(model.folder), tmp_path, default_device()).model
    else:
        again = load_adapter(base.model, model.folder)
    said_by_tuned = next(
        generate_answers(again, base.tokenizer, [ROW], model.options.data, 12)
    ).text
    assert said_by_tuned != said_by_base

    with client_of(model) as client:
        # To and fro: one must leave no trace in the other.
        for _ in range(2):
            assert asked(client, "tuned") == said_by_tuned
            assert asked(client, "base") == said_by_base
        assert asked(client, "training_1") == said_by_tuned
        whole = client.chat.completions.create(
            model="tuned",
            messages=[{"role": "user", "content": ROW.instruction}],
            temperature=0,
            max_tokens=12,
            stream=True,
            extra_body={"input": ROW.input},
        )
        deltas = [chunk.choices[0].delta.content or "" for chunk in whole]
        assert "".join(deltas) == said_by_tuned


@pytest.mark.parametrize("template", ["alpaca", "chat"])
def test_a_chat_is_put_as_in_tuning(template: Any, tmp_path: Path) -> None:
    options = TrainingOptions(
        base_model=str(tmp_path / "tiny"), data=DataOptions(template=template)
    )
    tiny_llama().save_pretrained(tmp_path / "tiny")
    tiny_tokenizer().save_pretrained(tmp_path / "tiny")
    adapted = adapt(tiny_llama(), options.method, 1)
    save_tuned(
        tmp_path / "saved",
        adapted.model,
        tiny_tokenizer(),
        cast("TrainingRecord", {"options": options.model_dump()}),  # all that serving reads
        card="A card.",
    )
    row = talk()
    expected = next(generate_answers(tiny_llama(), tiny_tokenizer(), [row], options.data, 8)).text

    with client_of(find_tuned(tmp_path / "saved", "x", tmp_path)) as client:
        messages: list[Any] = [{"role": "system", "content": row.system}]
        for turn in row.history:
            messages.append({"role": "user", "content": turn.user})
            messages.append({"role": "assistant", "content": turn.assistant})
        messages.append({"role": "user", "content": row.instruction})
        answer = client.chat.completions.create(
            model="tuned",
            messages=messages,
            temperature=0,
            max_tokens=8,
            extra_body={"input": row.input},
        )
    assert answer.choices[0].message.content == expected


def test_it_says_how_it_ended_and_what_it_took(lora: openai.OpenAI) -> None:
    question: list[Any] = [{"role": "user", "content": ROW.instruction}]
    about = {"input": ROW.input}
    answer = lora.chat.completions.create(
        model="tuned", messages=question, temperature=0, max_tokens=1, extra_body=about
    )
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 1
    # A token a byte: instruction, input and the template's words.
    assert 100 < answer.usage.prompt_tokens < 250
    # Learnt by heart, with its end.
    answer = lora.chat.completions.create(
        model="tuned", messages=question, temperature=0, max_tokens=40, extra_body=about
    )
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (
        ROW.output,
        "stop",
    )
    stopped = lora.chat.completions.create(
        model="tuned", messages=question, temperature=0, stop="0", extra_body=about
    )
    assert (stopped.choices[0].message.content, stopped.choices[0].finish_reason) == ("w ", "stop")


def test_the_same_seed_draws_the_same_answer(lora: openai.OpenAI) -> None:
    def drawn(seed: int | None) -> str:
        return asked(lora, "base", temperature=1.5, seed=seed)

    assert drawn(1) == drawn(1)
    assert len({drawn(1), drawn(2), drawn(None), drawn(None)}) == 4


def test_a_frequency_penalty_keeps_it_from_saying_the_same(lora: openai.OpenAI) -> None:
    plain = asked(lora, "base", max_tokens=40)
    penalised = asked(lora, "base", max_tokens=40, frequency_penalty=2.0)
    assert len(set(penalised)) > len(set(plain))


def test_what_torch_cannot_serve_is_refused_by_its_field(lora: openai.OpenAI) -> None:
    for field, fields in (
        ("logprobs", {"logprobs": True}),
        ("response_format", {"response_format": {"type": "json_object"}}),
    ):
        with pytest.raises(openai.BadRequestError, match=r"needs llama\.cpp") as caught:
            asked(lora, "tuned", **fields)
        assert caught.value.param == field


def test_a_prompt_that_fills_the_context_is_refused(lora: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        asked(lora, "tuned", extra_body={"input": "x" * 1100})
    assert caught.value.code == "context_length_exceeded"
    assert "1024 tokens" in caught.value.message


def test_a_damaged_adapter_is_not_served(lora_model: TunedModel, tmp_path: Path) -> None:
    damaged = tmp_path / "adapter"
    shutil.copytree(lora_model.folder, damaged)
    with (damaged / "adapter_model.safetensors").open("ab") as file:
        file.write(b"x")
    with (
        pytest.raises(InvalidInput, match="damaged"),
        client_of(replace(lora_model, folder=damaged)),
    ):
        pass
