"""What is generated is, token by token, what the model holds likeliest."""

from pathlib import Path

import pytest
import torch

from app.training.plain.library_types import Model
from app.training.plain.option_groups import MethodName
from app.training.use.generate import generate
from tests.unit.training.tiny_models import tiny_llama
from tests.unit.training.tiny_training import options_for, tuned

pytestmark = pytest.mark.torch

NEW = 6
PROMPTS = ([3, 10, 20, 30, 40, 50], [3, 60, 70])
PADDING = 0


def likeliest(model: Model, prompt: list[int]) -> list[int]:
    """By a whole pass for each token, as in tuning."""
    ids = list(prompt)
    for _ in range(NEW):
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([ids])).logits
        ids.append(int(logits[0, -1].argmax()))
    return ids[len(prompt) :]


@pytest.mark.parametrize("name", ["prefix", "lora", "bottleneck", "full"])
def test_it_goes_on_with_what_a_whole_pass_holds_likeliest(
    name: MethodName, tmp_path: Path
) -> None:
    model = tuned(options_for(name), tmp_path)[0].model.eval()
    longest = max(map(len, PROMPTS))
    padded = [[PADDING] * (longest - len(one)) + one for one in PROMPTS]
    mask = [[0] * (longest - len(one)) + [1] * len(one) for one in PROMPTS]

    reported = generate(
        model,
        torch.tensor(padded),
        torch.tensor(mask),
        max_new_tokens=NEW,
        min_new_tokens=NEW,
        do_sample=False,
        eos_token_id=None,
        pad_token_id=PADDING,
    )

    assert reported[:, :longest].tolist() == padded
    assert reported[:, longest:].tolist() == [likeliest(model, one) for one in PROMPTS]
    if name == "prefix":
        plain = [likeliest(tiny_llama().eval(), one) for one in PROMPTS]
        assert reported[:, longest:].tolist() != plain
