"""Finding what was tuned: in a training job's outputs, in what was downloaded, in a folder."""

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from app.errors import Fault, InvalidInput
from app.training.plain.options import TrainingOptions

_FACTS = "training.json"
_GGUF = "adapter.gguf"
_PLACES = (".", "adapter", "model", "outputs/adapter", "outputs/model")
"""Of what was tuned, in the folder that is named."""


@dataclass(frozen=True, slots=True)
class TunedModel:
    """An adapter, or whole weights, with how they were tuned."""

    name: str
    folder: Path
    """With ``training.json``."""
    options: TrainingOptions
    gguf: Path | None
    """The adapter as llama.cpp reads it."""
    models_folder: Path
    """Where the embedded model lies as torch reads it, or will."""


def find_tuned(folder: Path, name: str, models_folder: Path) -> TunedModel:
    """Find what was tuned in a folder: the adapter's own, a job's, or that of its outputs.

    Raises:
        InvalidInput: when there is nothing to serve in it.
    """
    found = place_of(folder)
    if found is None:
        raise InvalidInput(
            f"There is nothing to serve in {folder}.",
            [Fault(f"no {_FACTS} in it, nor in its {', '.join(_PLACES[1:])}")],
        )
    try:
        facts = json.loads((found / _FACTS).read_text(encoding="utf-8"))
        options = TrainingOptions.model_validate(facts["options"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        faults = [Fault(str(error))] if not isinstance(error, ValidationError) else []
        raise InvalidInput(f"{found / _FACTS} does not say how it was tuned.", faults) from error
    if options.task != "answers":
        raise InvalidInput(f"{name} tells labels apart, it does not write; it cannot be served.")
    return TunedModel(name, found.resolve(), options, _gguf(found), models_folder)


def place_of(folder: Path) -> Path | None:
    """Where in a folder what was tuned lies; None: nowhere, or not yet."""
    return next((folder / place for place in _PLACES if (folder / place / _FACTS).is_file()), None)


def _gguf(adapter: Path) -> Path | None:
    if not (adapter / "adapter_config.json").is_file():
        return None
    # A job writes it beside the adapter's folder.
    places = [adapter / _GGUF, adapter.resolve().parent / _GGUF]
    return next((place for place in places if place.is_file()), None)
