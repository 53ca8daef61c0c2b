"""A tiny model, tuned for a moment and served through torch."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import openai

from app.serving.application import build_app
from app.serving.open_answerer import Machine, open_answerer
from app.serving.tuned_model import TunedModel, find_tuned
from app.training.learn.loop import TrainingHooks, learn
from app.training.learn.loss import answer_examples
from app.training.model.methods import adapt
from app.training.plain.option_groups import MethodName
from app.training.publish.adapter_folder import save_tuned, training_record
from tests.servers.served import served
from tests.unit.training.tiny_models import spelling, tiny_llama, tiny_tokenizer
from tests.unit.training.tiny_training import options_for, packs_for

STEPS = 30
ROW = spelling(1)[0]
"""The one that is asked."""


def tuned_folder(name: MethodName, folder: Path) -> TunedModel:
    """What a job leaves: an adapter, or whole weights, with the base model beside it."""
    model = tiny_llama()
    model.save_pretrained(folder / "tiny")
    tiny_tokenizer().save_pretrained(folder / "tiny")
    options = options_for(name, steps=STEPS)
    options = options.model_copy(update={"base_model": str(folder / "tiny")})
    adapted = adapt(model, options.method, STEPS)
    # One is learnt by heart soonest; methods that change little are moved more by several.
    packs, report = packs_for(options, rows=1 if name == "lora" else 8)
    outcome = learn(
        adapted, answer_examples(packs), options, folder / "checkpoints", TrainingHooks()
    )
    target = folder / "outputs" / ("model" if name == "full" else "adapter")
    target.parent.mkdir()
    facts = training_record(adapted, options, outcome, report)
    save_tuned(target, adapted.model, tiny_tokenizer(), facts)
    return find_tuned(folder, "training_1", folder / "models")


@contextmanager
def client_of(model: TunedModel) -> Iterator[openai.OpenAI]:
    machine = Machine({}, model.models_folder / "logs")
    with (
        open_answerer(model, "auto", machine) as answerer,
        served(build_app(answerer, model.name)) as client,
    ):
        yield client
