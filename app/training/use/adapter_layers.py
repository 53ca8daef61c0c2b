"""The layers of an adapter, which can be switched off one at a time."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from peft.tuners.tuners_utils import BaseTunerLayer

from app.training.plain.library_types import Model

_NUMBERED = re.compile(r"(?P<stack>.+?)\.(?P<number>\d+)(\.|$)")
"""`model.layers.3.mlp.experts.5.w1` is in layer 3 of `model.layers`."""
_WRAPPED = "base_model.model."


def adapter_layers(model: Model) -> Mapping[str, Sequence[BaseTunerLayer]]:
    """Return the adapted modules of a peft model by layer, in the order of the model.

    A layer is named by its number; by its stack and number when a model has several stacks, such as
    an encoder and a decoder. A module outside of all layers is named by its path. The result is
    empty for methods that adapt no module, such as prefix tuning.
    """
    found: dict[tuple[str, str], list[BaseTunerLayer]] = {}
    for name, module in model.named_modules():
        if isinstance(module, BaseTunerLayer):
            path = name.removeprefix(_WRAPPED)
            inside = _NUMBERED.match(path)
            key = (inside["stack"], inside["number"]) if inside else (path, "")
            found.setdefault(key, []).append(module)
    stacks = {stack for stack, number in found if number}
    return {_name(*key, is_only=len(stacks) == 1): modules for key, modules in found.items()}


def _name(stack: str, number: str, *, is_only: bool) -> str:
    if not number:
        return stack
    return number if is_only else f"{stack} {number}"


@contextmanager
def switched_off(modules: Sequence[BaseTunerLayer]) -> Iterator[None]:
    """Use the base model's output for some modules, until the block ends."""
    for module in modules:
        module.enable_adapters(enabled=False)
    try:
        yield
    finally:
        for module in modules:
            module.enable_adapters(enabled=True)
