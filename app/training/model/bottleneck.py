"""Bottleneck adapters: small trained layers behind the blocks of a frozen model.

An adapter changes the output ``h`` of a layer to ``h + up(activation(down(h)))``, before the
residual connection. With the placement of Houlsby et al. (arXiv 1902.00751, section 2.1), it
follows the attention and the feed-forward layer of each block; with that of Pfeiffer et al.
(2005.00247, section 3.1), only the feed-forward layer. Unlike LoRA's, its product can't be merged
into the weights: the activation stands between the matrices.

peft 0.21 has no such adapters. The library ``adapters`` has them, but its latest release, 1.3.0,
requires an older transformers (``~=4.57.6``). So they are a tuner of peft here: peft saves, loads,
enables and disables them like its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from peft import PeftConfig
from peft.mapping import (
    PEFT_TYPE_TO_CONFIG_MAPPING,
    PEFT_TYPE_TO_PREFIX_MAPPING,
    PEFT_TYPE_TO_TUNER_MAPPING,
)
from peft.tuners.tuners_utils import BaseTuner, BaseTunerLayer
from torch import nn
from torch.nn import functional
from transformers.pytorch_utils import Conv1D

from app.errors import Fault, InvalidInput
from app.training.plain.option_groups import Activation

PEFT_TYPE = "BOTTLENECK"
"""Value of ``peft_type`` in ``adapter_config.json``."""
ACTIVATIONS: Mapping[Activation, Callable[[torch.Tensor], torch.Tensor]] = {
    "relu": functional.relu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "tanh": torch.tanh,
}


@dataclass
class BottleneckConfig(PeftConfig):  # type: ignore[misc] # peft ships no types
    """Content of ``adapter_config.json``."""

    target_modules: list[str] | None = None
    """Modules whose output the adapters change."""
    modules_to_save: list[str] | None = None
    """Modules that are trained and saved as a whole."""
    reduction_factor: int = 16
    """Width of a module's output, divided by the width of its bottleneck."""
    activation: Activation = "relu"
    dropout: float = 0.0
    """Dropout probability on the input of an adapter during training."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.peft_type = PEFT_TYPE


class BottleneckLayer(nn.Module, BaseTunerLayer):  # type: ignore[misc] # peft ships no types
    """A module with an adapter behind it."""

    adapter_layer_names = ("bottleneck_down", "bottleneck_up")

    def __init__(self, base_layer: nn.Module, name: str, config: BottleneckConfig) -> None:
        super().__init__()
        self.base_layer = base_layer
        self.bottleneck_down = nn.ModuleDict()
        self.bottleneck_up = nn.ModuleDict()
        self.dropout = nn.Dropout(config.dropout)
        self.activation = ACTIVATIONS[config.activation]
        self.add_adapter(name, config)

    def add_adapter(self, name: str, config: BottleneckConfig) -> None:
        """Add an adapter that changes nothing yet, because its second matrix is zero."""
        width = output_width(self.get_base_layer())
        inner = bottleneck_width(width, config.reduction_factor)
        down, up = nn.Linear(width, inner), nn.Linear(inner, width)
        nn.init.zeros_(down.bias)
        nn.init.zeros_(up.weight)
        nn.init.zeros_(up.bias)
        self.bottleneck_down[name], self.bottleneck_up[name] = down, up
        self._move_adapter_to_device_of_base_layer(name)
        self.set_adapter(self.active_adapters, inference_mode=config.inference_mode)

    def forward(self, *inputs: torch.Tensor, **others: object) -> torch.Tensor:
        """Return the output of the module, float [..., width], changed by the active adapters."""
        output: torch.Tensor = self.base_layer(*inputs, **others)
        for name in () if self.disable_adapters else self.active_adapters:
            down, up = self.bottleneck_down[name], self.bottleneck_up[name]
            # Adapters are in float32, also beside a model in 16 bits.
            inner = self.activation(down(self.dropout(output.to(down.weight.dtype))))
            output = output + up(inner).to(output.dtype)
        return output


class BottleneckModel(BaseTuner):  # type: ignore[misc] # peft ships no types
    """A model with bottleneck adapters."""

    prefix = "bottleneck_"
    tuner_layer_cls = BottleneckLayer

    def _create_and_replace(
        self,
        peft_config: BottleneckConfig,
        adapter_name: str,
        target: nn.Module,
        target_name: str,
        parent: nn.Module,
        current_key: str,  # noqa: ARG002 - as peft calls it
        **_others: Any,  # noqa: ANN401 - of other tuners
    ) -> None:
        if isinstance(target, BottleneckLayer):
            target.add_adapter(adapter_name, peft_config)
            return
        layer = BottleneckLayer(target, adapter_name, peft_config)
        self._replace_module(parent, target_name, layer, target)

    def _check_merge_allowed(self) -> None:
        raise InvalidInput(
            "This adapter cannot be merged into the weights.",
            [Fault("a bottleneck adapter has an activation between its two matrices")],
        )


# `register_peft_method` accepts only the names of peft's own enumeration.
PEFT_TYPE_TO_CONFIG_MAPPING[PEFT_TYPE] = BottleneckConfig
PEFT_TYPE_TO_PREFIX_MAPPING[PEFT_TYPE] = BottleneckModel.prefix
PEFT_TYPE_TO_TUNER_MAPPING[PEFT_TYPE] = BottleneckModel


def output_width(module: nn.Module) -> int:
    """Return the number of output features of a linear layer."""
    # GPT-2's are transposed.
    width = module.weight.shape[1] if isinstance(module, Conv1D) else module.out_features
    return int(width)


def bottleneck_width(width: int, reduction_factor: int) -> int:
    """Return the number of features inside an adapter."""
    return max(1, width // reduction_factor)
