"""Finds a tuned model: in the outputs of a job, in a downloaded folder, or in an adapter folder."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from app.errors import Fault, InvalidInput
from app.training.plain.options import TrainingOptions
from app.training.plain.training_record import FILE_NAME, read_record

_GGUF = "adapter.gguf"
_SUBFOLDERS = (".", "adapter", "model", "outputs/adapter", "outputs/model")
"""Subfolders to search."""


@dataclass(frozen=True, slots=True)
class TunedModel:
    """An adapter or full weights, with the training options."""

    name: str
    folder: Path
    """Folder with ``training.json``."""
    options: TrainingOptions
    gguf: Path | None
    """The adapter as GGUF file for llama.cpp, if there is one."""
    models_folder: Path
    """Folder for the embedded model in the format of transformers."""


def find_tuned(folder: Path, name: str, models_folder: Path) -> TunedModel:
    """Find a tuned model in its own folder, a job's folder, or the outputs of a job.

    Raises:
        InvalidInput: the folder has nothing to serve.
    """
    found = find_tuned_folder(folder)
    if found is None:
        raise InvalidInput(
            f"There is nothing to serve in {folder}.",
            [Fault(f"no {FILE_NAME} in it, nor in its {', '.join(_SUBFOLDERS[1:])}")],
        )
    try:
        record = read_record(found)
        options = TrainingOptions.model_validate(record["options"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        faults = [Fault(str(error))] if not isinstance(error, ValidationError) else []
        raise InvalidInput(f"{found / FILE_NAME} has no valid training options.", faults) from error
    if options.task != "answers":
        raise InvalidInput(f"{name} is a classifier; only models that write answers can be served.")
    return TunedModel(name, found.resolve(), options, _gguf(found), models_folder)


def find_tuned_folder(folder: Path) -> Path | None:
    """Return the subfolder with the tuned model, or None when there is none yet."""
    return next(
        (
            folder / subfolder
            for subfolder in _SUBFOLDERS
            if (folder / subfolder / FILE_NAME).is_file()
        ),
        None,
    )


def _gguf(adapter: Path) -> Path | None:
    if not (adapter / "adapter_config.json").is_file():
        return None
    # A job writes it next to the adapter folder.
    candidates = [adapter / _GGUF, adapter.resolve().parent / _GGUF]
    return next((path for path in candidates if path.is_file()), None)
