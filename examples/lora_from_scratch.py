"""LoRA by hand in two ways, both checked against peft on an encoder and on a decoder.

LoRA (arXiv 2106.09685, section 4.1) freezes a matrix ``W`` and learns two thin matrices, so that
the layer computes with ``W + alpha / rank * B A``. ``B`` starts at zero: so does the change.

- `BruteForce` computes this sum for every matrix before each forward pass. That is the formula as
  it stands, but it needs the memory of all changed matrices.
- `Wrapped` is a module around a linear layer: ``W x + alpha / rank * B (A x)``. It never computes
  ``B A`` in training. `Wrapped.merge` adds the product to ``W``; then answers cost nothing more.

``python examples/lora_from_scratch.py`` takes tiny random models; or name some, or their folders:
``python examples/lora_from_scratch.py roberta-base HuggingFaceTB/SmolLM2-135M``.
"""

import copy
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import AutoModelForCausalLM as Decoder
from transformers import AutoModelForSequenceClassification as Encoder
from transformers import LlamaConfig, RobertaConfig

RANK, ALPHA, STEPS = 4, 16.0, 5
SCALE = ALPHA / RANK
TARGETS = ("query", "value", "q_proj", "v_proj")
"""Names of the adapted layers, of RoBERTa and of Llama."""
TINY = {"vocab_size": 50, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 2, "pad_token_id": 1}  # fmt: skip
Batch = Mapping[str, torch.Tensor]


class BruteForce(nn.Module):
    """A model whose matrices are replaced by ``W + scale * B A`` before each forward pass."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model.requires_grad_(requires_grad=False)
        self.names = [name for name, _ in model.named_modules() if name.endswith(TARGETS)]
        weights = [model.get_submodule(name).weight for name in self.names]
        self.a = nn.ParameterList(torch.randn(RANK, w.shape[1]).to(w) for w in weights)
        self.b = nn.ParameterList(torch.zeros(w.shape[0], RANK).to(w) for w in weights)

    def matrices(self) -> dict[str, torch.Tensor]:
        """Return every changed matrix by the name of its parameter."""
        frozen = [self.model.get_submodule(name).weight for name in self.names]
        changed = [w + SCALE * b @ a for w, a, b in zip(frozen, self.a, self.b, strict=True)]
        return dict(zip([f"{name}.weight" for name in self.names], changed, strict=True))

    def forward(self, **batch: torch.Tensor) -> Any:  # noqa: ANN401 - an output of transformers
        """Run the model with the changed matrices."""
        return torch.func.functional_call(self.model, self.matrices(), kwargs=dict(batch))


class Wrapped(nn.Module):
    """A frozen linear layer with two thin matrices beside it."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base = base.requires_grad_(requires_grad=False)
        self.a = nn.Parameter(torch.randn(RANK, base.in_features).to(base.weight))
        self.b = nn.Parameter(torch.zeros(base.out_features, RANK).to(base.weight))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the output for x, float [..., inputs]."""
        return self.base(x) + SCALE * (x @ self.a.T) @ self.b.T

    def merge(self) -> nn.Linear:
        """Return the plain layer with the product in its weights."""
        self.base.weight.data += SCALE * self.b.data @ self.a.data
        return self.base


def models(base: nn.Module) -> tuple[nn.Module, nn.Module, nn.Module]:
    """Return the model with LoRA by peft, by brute force and wrapped, all with equal weights."""
    config = LoraConfig(r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, target_modules=list(TARGETS))
    theirs = get_peft_model(copy.deepcopy(base), config)
    brute = BruteForce(copy.deepcopy(base))
    wrapped = copy.deepcopy(base).requires_grad_(requires_grad=False)
    for name, a in zip(brute.names, brute.a, strict=True):
        wrapped.set_submodule(name, Wrapped(wrapped.get_submodule(name)))
        ours, layer = wrapped.get_submodule(name), theirs.base_model.model.get_submodule(name)
        for matrix in (a, ours.a):
            matrix.data.copy_(layer.lora_A["default"].weight)
    return theirs, brute, wrapped


def trained(model: nn.Module) -> list[nn.Parameter]:
    """Return the trained matrices in the order: A and B of the first layer, of the second, ..."""
    if isinstance(model, BruteForce):
        return [one for pair in zip(model.a, model.b, strict=True) for one in pair]
    return [one for one in model.parameters() if one.requires_grad]


def compare(base: nn.Module, batch: Batch) -> dict[str, float]:
    """Train in all three ways; return the largest difference from peft at each point."""
    theirs, brute, wrapped = models(base)
    differences = {"before": difference([base, brute, wrapped, theirs], batch)}
    optimizers = [torch.optim.AdamW(trained(one), lr=1e-2) for one in (theirs, brute, wrapped)]
    for _ in range(STEPS):
        for model, optimizer in zip((theirs, brute, wrapped), optimizers, strict=True):
            optimizer.zero_grad()
            model(**batch).loss.backward()
        for ours in (brute, wrapped):
            for one, other in zip(trained(theirs), trained(ours), strict=True):
                gap = float((one.grad - other.grad).abs().max())
                differences["gradients"] = max(gap, differences.get("gradients", 0.0))
        for optimizer in optimizers:
            optimizer.step()
    differences["trained"] = difference([theirs, brute, wrapped], batch)
    plain = copy.deepcopy(base)
    plain.load_state_dict({**plain.state_dict(), **brute.matrices()})
    for name in brute.names:
        wrapped.set_submodule(name, wrapped.get_submodule(name).merge())
    differences["merged"] = difference([theirs, theirs.merge_and_unload(), plain, wrapped], batch)
    differences["learnt"] = difference([base, plain], batch)
    return differences


def difference(compared: Sequence[nn.Module], batch: Batch) -> float:
    """Return the largest difference of logits from those of the first model."""
    with torch.no_grad():
        first, *others = (one.eval()(**batch).logits for one in compared)
    return max(float((first - other).abs().max()) for other in others)


def example(name: str) -> tuple[nn.Module, Batch]:
    """Return a model and a batch of random tokens."""
    torch.manual_seed(0)
    encoder = "roberta" in name.lower()
    loader = Encoder if encoder else Decoder
    if name.startswith("tiny "):
        model = loader.from_config(RobertaConfig(**TINY) if encoder else LlamaConfig(**TINY))
    else:
        # In a large model, rounding in float32 adds up to more than 1e-6.
        model = loader.from_pretrained(name).double()
    ids = torch.randint(3, model.config.vocab_size, (2, 12))
    return model.eval(), {"input_ids": ids, "labels": ids[:, 0] % 2 if encoder else ids}


if __name__ == "__main__":
    for each in sys.argv[1:] or ["tiny RoBERTa", "tiny Llama"]:
        for point, value in compare(*example(each)).items():
            print(f"{each}: {point:10} {value:.1e}")
