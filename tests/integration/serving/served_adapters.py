"""Adapters of the embedded model as a training job writes them, and clients of their server."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import openai
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from app.dataset_row import Record
from app.llm.model_server import model_file
from app.serving.application import build_app
from app.serving.llama_answerer import LlamaAnswerer
from app.serving.open_answerer import Machine, open_answerer
from app.serving.tuned_model import TunedModel, find_tuned
from app.settings import Settings
from app.stack.environment import process_environment
from app.training.job import Job, run_job
from app.training.learn.loop import TrainingHooks
from app.training.model.device import Device
from app.training.model.methods import adapt
from app.training.plain.option_groups import DataOptions, MethodOptions, ScheduleOptions
from app.training.plain.options import TrainingOptions
from app.training.plain.training_record import TrainingRecord
from app.training.publish.adapter_folder import save_tuned
from app.training.publish.export import write_gguf
from app.training.publish.gguf_adapter import write_gguf_adapter
from tests.servers.served import served

JOB = "training_1"
ROWS = [Record(f"What grows in box {n}?", "Zinnias.", f"It is box {n}.") for n in range(8)]
OPTIONS = TrainingOptions(
    method=MethodOptions(rank=4),
    data=DataOptions(template="chat", max_tokens=64),
    schedule=ScheduleOptions(steps=6, batch=4, micro_batch=4, learning_rate=1e-2, shape="constant"),
)


def outputs_in(data_dir: Path) -> Path:
    outputs = data_dir / "training" / JOB / "outputs"
    outputs.mkdir(parents=True)
    return outputs


def found_in(data_dir: Path) -> TunedModel:
    return find_tuned(data_dir / "training" / JOB, JOB, data_dir / "models")


def leave_drawn_adapter(data_dir: Path) -> None:
    """One that learnt nothing, of random numbers: its base model need not be loaded for it."""
    torch.manual_seed(0)
    # Attention as in SmolLM2-135M; the rest is left small, no adapter is on it.
    config = LlamaConfig(
        hidden_size=576,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        vocab_size=8,
        intermediate_size=8,
    )
    model = adapt(LlamaForCausalLM(config), OPTIONS.method, steps=1).model
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "lora_B" in name:
                weights.normal_(std=0.02)
    file = model_file()
    tokenizer = AutoTokenizer.from_pretrained(str(file.parent), gguf_file=file.name)
    outputs = outputs_in(data_dir)
    # All that serving reads.
    facts = cast("TrainingRecord", {"options": OPTIONS.model_dump(mode="json")})
    save_tuned(outputs / "adapter", model, tokenizer, facts, card="Made of random numbers.\n")
    write_gguf_adapter(outputs / "adapter", config, outputs / "adapter.gguf")


def leave_tuned_adapter(data_dir: Path) -> None:
    """One that learnt to answer every row with the same word."""
    outputs, models = outputs_in(data_dir), data_dir / "models"
    job = Job(OPTIONS, ROWS, data_dir / "checkpoints", outputs / "adapter", models, Device())
    adapter = run_job(job, TrainingHooks()).adapter
    assert adapter is not None
    assert write_gguf(adapter, outputs / "adapter.gguf", models) is None


@contextmanager
def opened_by_llama(data_dir: Path, slots: int = 4) -> Iterator[LlamaAnswerer]:
    environment = process_environment(Settings.model_validate({}), os.environ, {})
    machine = Machine(environment, data_dir / "logs", slots)
    with open_answerer(found_in(data_dir), "auto", machine) as answerer:
        assert isinstance(answerer, LlamaAnswerer)
        yield answerer


@contextmanager
def client_of(answerer: LlamaAnswerer) -> Iterator[openai.OpenAI]:
    with served(build_app(answerer, JOB)) as client:
        yield client


def messages_of(row: Record) -> Sequence[Any]:
    return [{"role": "user", "content": row.instruction}]


def asked(client: openai.OpenAI, model: str, row: Record, **fields: Any) -> str:
    body = {"max_tokens": 8, "temperature": 0.0, "extra_body": {"input": row.input}, **fields}
    answer = client.chat.completions.create(model=model, messages=[*messages_of(row)], **body)
    return answer.choices[0].message.content or ""
